"""The network shut to tests: what reaches beyond this machine is refused, and noted where the test's end looks.

`conftest.py` copies this file as `sitecustomize` into a folder of its own and puts that on PYTHONPATH, so that it holds
this process and every Python that a test starts. Attempts are noted as empty folders beside it: children that may write
no file can still make one.
"""

import contextlib
import sys
from pathlib import Path

NOTES = Path(__file__).parent


def _is_here(host):
    import ipaddress
    import socket

    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    if name.lower() in ("localhost", "localhost.", socket.gethostname().lower()):
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _is_address(host):
    import ipaddress

    try:
        ipaddress.ip_address(str(host).partition("%")[0])
    except ValueError:
        return False
    return True


def _refuse_the_network(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = args[1]
        if isinstance(address, tuple) and not _is_here(address[0]):
            _refuse(f"connecting to {address[0]} port {address[1]}")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = args[0]
        if host and not _is_here(host) and not _is_address(host):
            _refuse(f"looking up the name {host}")


def _refuse(what):
    from urllib.parse import quote

    with contextlib.suppress(FileExistsError):
        (NOTES / f"note {quote(what[:150], safe=' ')}").mkdir()
    raise ConnectionRefusedError(f"tests do not leave this machine: {what}")


def taken_notes():
    """What was tried since this was asked last."""
    from urllib.parse import unquote

    notes = sorted(NOTES.glob("note *"))
    for note in notes:
        note.rmdir()
    return [unquote(note.name.removeprefix("note ")) for note in notes]


sys.addaudithook(_refuse_the_network)
