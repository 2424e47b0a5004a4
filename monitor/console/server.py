"""Serves the application inside the running process, on loopback unless the operator says otherwise."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Generator

import uvicorn

from config.errors import ConfigError
from monitor.console.access import is_exposed
from monitor.console.app import Search, make_app, warm
from monitor.console.pages import Examine
from monitor.daemon import Parts
from storage.users import count_users

DEFAULT_PORT = 8741
_GRACE_S = 2
_logger = logging.getLogger(__name__)


class PortTaken(ConfigError):
    """The address cannot be listened on, most often because another process does."""


class _Server(uvicorn.Server):
    """Leaves the process's signals to whoever started it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@contextlib.asynccontextmanager
async def listening(parts: Parts, examine: Examine, port: int, search: Search | None = None) -> AsyncIterator[str]:
    """Listen as long as the block runs; gives the address. Port 0 takes a free one. The rest goes to `make_app`.

    Raises:
        ConfigError: Others than this machine's people can reach us and no user was added, so that anybody could do all.
        PortTaken: The address cannot be listened on.
    """
    host = parts.settings.console.host
    async with parts.database.read(brief=True) as session:
        if is_exposed(parts) and not await count_users(session):
            raise ConfigError(
                f"console.host = {host!r} or console.names lets others in: "
                "add a user with a password first, `bazaarwatch users add NAME`"
            )
    with _door(host, port) as door:
        address = f"http://{f'[{host}]' if ':' in host else host}:{door.getsockname()[1]}"
        proxies = list(parts.settings.console.proxies)
        app = make_app(parts, examine, search)
        server = _Server(
            uvicorn.Config(
                app, http="h11", ws="none", lifespan="off", log_config=None, access_log=False,
                server_header=False, proxy_headers=bool(proxies), forwarded_allow_ips=proxies, limit_concurrency=64,
                timeout_keep_alive=5, timeout_graceful_shutdown=_GRACE_S,
            )
        )  # fmt: skip
        serving, warming = asyncio.create_task(server.serve([door])), asyncio.create_task(warm(app))
        _logger.info("listening", extra={"address": address})
        try:
            yield address
        finally:
            server.should_exit = True
            warming.cancel()
            await asyncio.gather(warming, return_exceptions=True)  # what fails was logged, and fails again when asked
            await serving
            await app.state.kept.close()


def _door(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        door = socket.socket(family, kind, protocol)
        try:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind(address)
            door.listen(128)  # from here on connections wait until they are answered
        except OSError:
            door.close()
            raise
    except OSError as error:
        raise PortTaken(f"console: cannot listen on {host} port {port}: {error.strerror or error}") from None
    return door
