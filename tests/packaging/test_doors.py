"""What this program may talk to the world with: every import and call that opens a connection, file by file."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("monitor", "storage", "detectors", "config", "migrations")

# Modules that can open a connection, listen for one, or start a program that does.
NETWORK = {
    *(
        "socket",
        "ssl",
        "http.client",
        "http.server",
        "urllib.request",
        "ftplib",
        "smtplib",
        "imaplib",
        "poplib",
        "nntplib",
        "telnetlib",
    ),
    *("xmlrpc", "socketserver", "asyncore", "wsgiref", "webbrowser", "httpx", "httpx2", "httpcore", "httpcore2"),
    *("requests", "urllib3", "aiohttp", "websockets", "aiosmtplib", "aioimaplib", "paramiko", "pycurl", "grpc"),
    *("uvicorn", "hypercorn", "playwright", "selenium", "asyncpg", "psycopg", "aiosqlite", "boto3", "botocore"),
    *("anyio", "trio", "h11", "h2", "socks", "dns"),
}
CALLS = {
    *("open_connection", "open_unix_connection", "create_connection", "create_unix_connection", "sock_connect"),
    *("create_datagram_endpoint", "start_server", "create_server", "start_unix_server", "create_unix_server"),
    *("getaddrinfo", "getnameinfo", "gethostbyname", "create_async_engine", "urlopen", "urlretrieve"),
}

# The doors: what a file uses, and for what. Outgoing HTTP is in the first four alone, each connection by the gate.
DOORS = {
    "monitor/fetch.py": {"httpx2", "httpcore2", "ssl", "socket"},  # the client; its sockets only ask the routing table
    "monitor/gate.py": {"httpx2", "httpcore2", "ssl", "socket", "getaddrinfo"},  # resolves, checks and connects
    "monitor/proxy.py": {"httpcore2", "start_server"},  # the browser's only way out: each connection by the gate
    "monitor/browser.py": {"playwright"},  # starts a browser behind that proxy
    "monitor/notifiers/mail.py": {"aiosmtplib"},  # digests leave by the operator's SMTP server
    "monitor/desk/mailbox.py": {"imaplib", "ssl"},  # reads the operator's IMAP mailbox
    "storage/database.py": {"create_async_engine"},  # the operator's database
    "storage/sqlite.py": {"aiosqlite"},  # the embedded one
    "storage/postgres.py": {"asyncpg", "create_async_engine"},  # the operator's, past any pooler
    "monitor/demo/server.py": {"uvicorn", "socket"},  # listens on loopback
    "monitor/console/server.py": {"uvicorn", "socket", "getaddrinfo"},  # listens where the operator says
}


def _names(tree):
    """Every module imported, wherever in the file, and every name of a connecting call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            if name in CALLS:
                yield name
            if name in ("import_module", "__import__") and node.args and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value)


def _used(source):
    """What of `NETWORK` and `CALLS` a file uses."""
    used = set()
    for name in _names(ast.parse(source)):
        parts = name.split(".")
        used |= {".".join(parts[:end]) for end in range(1, len(parts) + 1)} & NETWORK
        used |= {name} & CALLS
    return used


FILES = sorted(path.relative_to(ROOT).as_posix() for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("file", FILES)
def test_a_file_opens_no_connection_that_is_not_listed(file):
    assert _used((ROOT / file).read_text("utf-8")) == DOORS.get(file, set())


def test_every_listed_door_is_there():
    assert {file for file in DOORS if not (ROOT / file).exists()} == set()


@pytest.mark.parametrize(
    ("source", "used"),
    [
        ("import httpx2", {"httpx2"}),
        ("def f():\n    from urllib.request import urlopen", {"urllib.request"}),
        ("from urllib import request", {"urllib.request"}),
        ("import http.client as c", {"http.client"}),
        ("import asyncio\nasyncio.open_connection('a', 1)", {"open_connection"}),
        ("import importlib\nimportlib.import_module('requests.api')", {"requests"}),
        ("loop.create_datagram_endpoint(f)", {"create_datagram_endpoint"}),
        ("from urllib.parse import urljoin\nimport asyncio", set()),
    ],
)
def test_the_check_sees_each_way_to_open_a_connection(source, used):
    assert _used(source) == used
