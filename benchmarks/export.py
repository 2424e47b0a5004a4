"""How long a complaint about many listings takes to leave, as a person counts it: `python benchmarks/export.py 1000`.

Plants decided alerts in a folder of its own, lets a person confirm a complaint about them (at Etsy, whose pack knows no
limit) and the program draw its evidence, as `bazaarwatch run` and `serve` do from then on. Then it runs `bazaarwatch
complaints export` as a process: `--ahead` with what was drawn, `--at-once` with nothing drawn before, `--bare` without
evidence; all three by default, each in a copy of the folder. Prints CPU seconds of the process with its children, wall
time, and bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

from evidence import plant

from config.settings import load
from detectors.model import Answer
from detectors.rights import FirstPublication, Right, RightKind
from monitor.daemon import build
from monitor.desk import filing
from storage import tables
from storage.alerts import view_alerts
from storage.cases import decide_all
from storage.rights import add_right

_PERSON = "Mira Moss"
_WAYS = {
    "bare": "export without evidence",
    "at-once": "export with evidence that nothing was drawn of",
    "ahead": "export with evidence drawn ahead",
}


async def _confirmed(data: Path, count: int) -> int:
    """The id of a confirmed complaint about so many listings."""
    async with build(load(data, {})) as parts:
        alert_ids = await plant(parts, count, "https://www.etsy.com/listing/{}")
        right = Right(
            kind=RightKind.COPYRIGHT_UNREGISTERED,
            title="Work",
            holder=_PERSON,
            claim_number="UC-BENCH-1",
            first_publication=FirstPublication(date(2024, 5, 1), "miramoss.example", "https://miramoss.example/work"),
        )
        now = datetime.now(UTC)
        async with parts.database.write("right") as session:
            row = tables.Right(owner_id=1, kind=right.kind, title="Work", number="UC-BENCH-1", facts=right.to_wire())
            await add_right(session, now, "bench", row, [1])
            alerts = [view.alert for view in await view_alerts(session, alert_ids)]
            await decide_all(session, alerts, Answer.INFRINGING, "bench", now)
        drafting = await filing.draft_complaints(parts, 1, "etsy", "bench")
        (complaint_id,) = drafting.complaint_ids
        await filing.consider(parts, complaint_id, _PERSON, alert_ids, seen=True)
        await filing.confirm(parts, complaint_id, _PERSON)
        return complaint_id


async def _draw(data: Path, complaint_id: int) -> None:
    async with build(load(data, {})) as parts:
        await parts.draw_evidence(complaint_id)


def _cpu_s(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def _export(told: str, data: Path, complaint_id: int, *options: str) -> None:
    before, began = _cpu_s(resource.RUSAGE_CHILDREN), time.monotonic()
    program = [sys.executable, "-m", "monitor", "--data", str(data)]
    command = [*program, "complaints", "export", str(complaint_id), *options]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    cpu, took = _cpu_s(resource.RUSAGE_CHILDREN) - before, time.monotonic() - began
    size = sum(file.stat().st_size for file in Path(done.stdout.strip()).iterdir())
    print(f"{told}: {cpu:.1f} s CPU, {took:.1f} s, {size / 1e6:.1f} MB")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=1000)
    for name in _WAYS:
        parser.add_argument(f"--{name}", action="store_true", help=_WAYS[name])
    asked = vars(parser.parse_args())
    ways = [name for name in _WAYS if asked[name.replace("-", "_")]] or list(_WAYS)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "confirmed"
        complaint_id = asyncio.run(_confirmed(data, asked["count"]))
        print(f"{asked['count']} listings; load {os.getloadavg()[0]:.1f}")
        for name in ways:
            if name == "ahead":
                continue
            copied = Path(folder) / name
            shutil.copytree(data, copied)
            _export(_WAYS[name], copied, complaint_id, *(["--no-evidence"] if name == "bare" else []))
            shutil.rmtree(copied)
        if "ahead" in ways:
            everyone = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
            before, began = sum(map(_cpu_s, everyone)), time.monotonic()
            asyncio.run(_draw(data, complaint_id))
            cpu, took = sum(map(_cpu_s, everyone)) - before, time.monotonic() - began
            print(f"drawn in the background: {cpu:.1f} s CPU, {took:.1f} s")
            _export(_WAYS["ahead"], data, complaint_id)


if __name__ == "__main__":
    main()
