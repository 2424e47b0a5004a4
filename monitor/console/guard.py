"""Who may speak to us at all: which host names, which origins, how many bytes; and every refusal in one form."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Collection, Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

EXTENSION = "chrome-extension://ajaipcnfjcapdjbieepeccdglokeijld"  # fixed by the key in extension/manifest.json
LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
_HEADERS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
_OF_PAGES = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types bazaarwatch"
)
_CORS = {
    "access-control-allow-origin": EXTENSION,
    "access-control-allow-headers": "authorization, content-type",
    "access-control-allow-methods": "GET, POST",
    "access-control-max-age": "600",
    "cross-origin-resource-policy": "cross-origin",
    "vary": "Origin",
}


class Problem(Exception):
    """A request that is refused: an HTTP status and a sentence for whoever asked."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers

    def response(self) -> Response:
        """The refusal as application/problem+json (RFC 9457)."""
        facts = {"status": self.status, "title": HTTPStatus(self.status).phrase, "detail": self.detail}
        content = json.dumps(facts, ensure_ascii=False)
        return Response(content, self.status, self.headers, media_type="application/problem+json")


def host_name(host: str) -> str:
    """The name in a Host header, lower case, without its port."""
    return host.lower().rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host.lower()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address that is listened on."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class Guard:
    """Lets through what may speak to ``app``.

    A page in somebody's browser may neither reach us under a name that it controls (DNS rebinding) nor from its own
    origin; only the extension may cross origins. What a cookie opens asks for more: see `monitor.console.access`.

    Args:
        app: What is guarded.
        names: Host names that we answer to, besides loopback's.
        max_bytes: What the body of one request may take.
    """

    def __init__(self, app: ASGIApp, names: Collection[str], max_bytes: int) -> None:
        self._app = app
        self._names = LOOPBACK_NAMES | {name.lower() for name in names}
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or have it answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        from_extension = headers.get("origin") == EXTENSION

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered = MutableHeaders(scope=message)
                answered.setdefault("cache-control", "no-store")
                answered.update(_HEADERS | (_CORS if from_extension else {}))
                if answered.get("content-type", "").startswith("text/html"):
                    answered["content-security-policy"] = _OF_PAGES
            await send(message)

        try:
            self._check(headers)
        except Problem as problem:
            await problem.response()(scope, receive, send_safely)
            return
        if scope["method"] == "OPTIONS" and from_extension:
            await Response(status_code=204)(scope, receive, send_safely)
            return
        await self._app(scope, self._bounded(receive), send_safely)

    def _check(self, headers: Headers) -> None:
        host = headers.get("host", "")
        if host_name(host) not in self._names or len(headers.getlist("host")) != 1:
            raise Problem(
                421, f"nothing is served under the name {host_name(host)[:100]!r}; console.names lists further ones"
            )
        origin = headers.get("origin")
        if origin is not None and origin != EXTENSION:
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or parts.netloc.lower() != host.lower():
                raise Problem(403, "no page of another origin may ask here")
        if int(headers.get("content-length", "0")) > self._max_bytes:
            raise self._too_large()

    def _bounded(self, receive: Receive) -> Receive:
        taken = 0

        async def receive_bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._max_bytes:
                raise self._too_large()
            return message

        return receive_bounded

    def _too_large(self) -> Problem:
        return Problem(413, f"more than {self._max_bytes} bytes are not taken in one request (console.max_bytes)")
