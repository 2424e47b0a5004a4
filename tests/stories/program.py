"""Runs the command line in processes of their own, forked from one that has everything imported: fast, and killable.

Reads orders from standard input, a JSON object a line, runs each in a fork and answers with its exit code (negative:
the signal that ended it); one with ``background`` is answered at once with its process id, ``{"wait": ID}`` with the
code of such a one. With ``once ORDER`` it becomes that process itself.
"""

import importlib
import json
import os
import pkgutil
import sys
import traceback
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import configure_mappers

import monitor.daemon
import monitor.sandbox
from monitor import cli
from monitor.errors import Offline
from monitor.fetch import Fetcher
from monitor.marketplaces import MARKETPLACES, parse
from monitor.marketplaces.demo import DemoBazaar

_PACKAGES = ("config", "detectors", "storage", "monitor", "migrations")
_LAZY = (
    "faiss",
    "cv2",
    "imagehash",
    "scipy.fftpack",
    "alembic.command",
    "aiosqlite",
    "httpx2",
    "pgqueuer",
    "anyio._backends._asyncio",
)


class HereSandbox:
    """The sandbox's work without its walls: for stories that are not about hostile bytes."""

    def __init__(self, settings):
        self.settings = settings

    async def parse(self, page, marketplace):
        return parse(page, marketplace)

    async def describe(self, data, *, reference=False):
        from detectors import describe

        return describe.describe_reference(data) if reference else describe.describe(data)

    async def glance(self, data):
        from detectors.glance import glance

        return glance(data)

    async def mail(self, data, trusted_server):
        from monitor.complaints.mails import read_mail

        return read_mail(data, trusted_server)

    async def pixels(self, data, side_px):
        import numpy as np

        from detectors.decode import decode_image

        return np.asarray(decode_image(data, side_px))

    async def thumbnail(self, data, side_px):
        from detectors.thumbnail import thumbnail

        return thumbnail(data, side_px)

    async def comparison(self, reference, picture, match, form="PNG"):
        from detectors.explain import comparison

        return comparison(reference, picture, match, form)

    async def close(self):
        pass


def run(order):
    """Be the program from here on; never returns."""
    written = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for number, (name, flags) in enumerate((("in", os.O_RDONLY), ("out", written), ("err", written))):
        os.dup2(os.open(order[name], flags, 0o600), number)
    os.environ.clear()
    os.environ.update(order["environ"])
    if order["bazaar"]:
        MARKETPLACES["demo-bazaar"] = DemoBazaar(base_url=order["bazaar"])
    if not order["sandbox"]:
        monitor.daemon.Sandbox = monitor.sandbox.Sandbox = HereSandbox
    if order["offline"]:
        _go_offline(order["offline"])
    sys.argv = ["bazaarwatch", *order["arguments"]]
    code = 70
    try:
        cli.main()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _go_offline(where):
    """No way out of this machine any more; with a string, from the first address on that holds it."""
    get = Fetcher.get

    async def refuse(self, request, **pace):
        if where is True or where in request.url:
            raise Offline("this machine has no network", datetime.now(UTC) + timedelta(minutes=1))
        return await get(self, request, **pace)

    Fetcher.get = refuse


def _modules():
    """Everything that a command could import only when it needs it."""
    for package in map(importlib.import_module, _PACKAGES):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__") and not module.name.startswith("migrations."):
                yield module.name


def main():
    if sys.argv[1:2] == ["once"]:
        run(json.loads(sys.argv[2]))
    for name in (*_modules(), *_LAZY):
        importlib.import_module(name)
    configure_mappers()
    for line in sys.stdin:
        order = json.loads(line)
        child = order.get("wait") or os.fork()
        if child == 0:
            run(order)
        answer = child if order.get("background") else os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
