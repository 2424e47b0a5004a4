"""The guard of every test: who leaves this machine fails, whatever the code under test does with the refusal."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
TESTS = Path(__file__).parents[1]
CASES = """
import asyncio, contextlib, resource, socket, subprocess, sys

LEAVE = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"

async def test_leaves_by_tcp():
    with contextlib.suppress(OSError):
        socket.create_connection(("192.0.2.1", 80), timeout=1)

async def test_leaves_by_tcp_in_a_loop():
    with contextlib.suppress(OSError):
        await asyncio.open_connection("2001:db8::1", 443)

def test_leaves_by_udp():
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", ("192.0.2.1", 53))

def test_leaves_by_name():
    with contextlib.suppress(OSError):
        socket.getaddrinfo("shop.example", 443)

async def test_leaves_by_name_in_a_loop():
    with contextlib.suppress(OSError):
        await asyncio.open_connection("shop.example", 443)

def test_leaves_in_a_child():
    subprocess.run([sys.executable, "-c", LEAVE], stderr=subprocess.DEVNULL)

def test_leaves_in_a_child_of_a_child_that_may_write_no_file():
    limit = "import resource, subprocess, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); "
    inner = f"subprocess.run([sys.executable, '-P', '-c', {LEAVE!r}], stderr=subprocess.DEVNULL)"
    subprocess.run([sys.executable, "-c", limit + inner])

def test_stays_in_a_child():
    stay = LEAVE.replace("192.0.2.1", "127.0.0.1")
    subprocess.run([sys.executable, "-c", stay], stderr=subprocess.DEVNULL)

def test_stays_on_loopback():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()

async def test_stays_though_nobody_listens():
    with contextlib.suppress(OSError):
        await asyncio.open_connection("localhost", 1)

def test_stays_in_the_file_system():
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as caller:
        caller.connect("nobody-listens")

def test_stays_when_an_address_is_only_read():
    socket.getaddrinfo("192.0.2.1", 80)
"""


def test_a_test_fails_exactly_when_it_leaves_this_machine(tmp_path: Path) -> None:
    for name in ("conftest.py", "shut_network.py"):
        shutil.copy(TESTS / name, tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode=auto\nasyncio_default_fixture_loop_scope=function\n")
    (tmp_path / "test_cases.py").write_text(CASES)
    command = (sys.executable, "-m", "pytest", "-q", "-rpE", "-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    failed = {line.split("::")[1].split()[0] for line in done.stdout.splitlines() if line.startswith("ERROR ")}
    passed = {
        line.split("::")[1].split()[0] for line in done.stdout.splitlines() if line.startswith("PASSED ")
    } - failed
    tests = {line.split()[-1].removesuffix("():") for line in CASES.splitlines() if "def test" in line}
    assert failed == {name for name in tests if name.startswith("test_leaves")}, done.stdout
    assert passed == {name for name in tests if name.startswith("test_stays")}, done.stdout


@pytest.mark.skipif(os.environ.get("BAZAARWATCH_TESTS_SHUT_IN") != "yes", reason="only .ci/run shuts the tests in")
def test_where_ci_shut_the_tests_in_there_is_loopback_and_nothing_else() -> None:
    assert [name for _, name in socket.if_nameindex()] == ["lo"]
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
