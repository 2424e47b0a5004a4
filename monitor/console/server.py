"""Serves the application inside the running process, on loopback unless the operator says otherwise."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
from collections.abc import AsyncIterator, Generator

import uvicorn

from config.errors import ConfigError
from monitor.console.app import Examine, make_app
from monitor.daemon import Parts
from storage.tokens import count_valid

DEFAULT_PORT = 8741
_GRACE_S = 2
_logger = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    """Leaves the process's signals to whoever started it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@contextlib.asynccontextmanager
async def listening(parts: Parts, examine: Examine, port: int) -> AsyncIterator[str]:
    """Listen as long as the block runs; gives the address. Port 0 takes a free one.

    Raises:
        ConfigError: The address is not loopback's and no token was made, or it cannot be listened on.
    """
    host = parts.settings.console.host
    async with parts.database.read() as session:
        if not _is_loopback(host) and not await count_valid(session):
            raise ConfigError(
                f"console.host = {host!r} lets others in: make a token first, `bazaarwatch token add NAME`"
            )
    with _door(host, port) as door:
        address = f"http://{f'[{host}]' if ':' in host else host}:{door.getsockname()[1]}"
        server = _Server(
            uvicorn.Config(
                make_app(parts, examine), http="h11", ws="none", lifespan="off", log_config=None, access_log=False,
                server_header=False, proxy_headers=False, limit_concurrency=64, timeout_keep_alive=5,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )  # fmt: skip
        serving = asyncio.create_task(server.serve([door]))
        _logger.info("listening", extra={"address": address})
        try:
            yield address
        finally:
            server.should_exit = True
            await serving


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
        raise ConfigError(f"console: cannot listen on {host} port {port}: {error.strerror or error}") from None
    return door


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
