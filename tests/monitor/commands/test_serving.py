"""`serve`, `token`, `render`, and `run` with a port: as processes of their own, over HTTP."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO

import httpx2
import pytest
from PIL import Image

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(os.name == "nt", reason="processes are ended by signals"),
]

ITEM = """<!doctype html><title>Pin</title><main data-bazaar="item" data-id="77"><h1 class="title">Fox pin</h1>
<img class="picture" src="http://shop.example/full/1.jpg"></main>"""


def command(data, *arguments):
    return [sys.executable, "-m", "monitor", "--data", str(data), *arguments]


def environ(**more):
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **more}


def run(data, *arguments, **more):
    return subprocess.run(
        command(data, *arguments), capture_output=True, text=True, env=environ(**more), timeout=120, check=False
    )


@contextmanager
def running(data, *arguments, **more):
    """A process and the address that it says it listens on; ended by SIGTERM, with exit code 0."""
    with subprocess.Popen(
        command(data, *arguments), stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=environ(**more)
    ) as process:
        said = []
        try:
            for line in process.stderr:
                said.append(line)
                found = re.search(r"(?:listening|console is at).*(http://127\.0\.0\.1:\d+)", line)
                if found:
                    yield found[1]
                    break
            else:
                pytest.fail("".join(said))
        finally:
            process.send_signal(signal.SIGTERM)
            process.stderr.read()
            code = process.wait(30)
        assert code == 0


def post(address, token):
    kept = BytesIO()
    Image.effect_noise((300, 300), 90).convert("RGB").save(kept, "JPEG")
    facts = {
        "url": "http://shop.example/item/77",
        "captured_at": datetime.now(UTC).isoformat(),
        "pictures": ["http://shop.example/full/1.jpg"],
    }
    parts = [("page", (None, json.dumps(facts))), ("html", ("h", ITEM)), ("picture", ("p", kept.getvalue()))]
    headers = {"authorization": f"Bearer {token}"}
    return httpx2.post(f"{address}/api/v1/pages", files=parts, headers=headers, timeout=60, trust_env=False)


def examined(data):
    with sqlite3.connect(data / "bazaarwatch.db") as database:
        return database.execute("SELECT count(*) FROM listings WHERE examined_at IS NOT NULL").fetchone()[0]


@pytest.mark.soak
def test_serve_takes_a_page_in_and_examines_it_without_asking_anyone(tmp_path):
    made = run(tmp_path, "token", "add", "my browser")
    assert made.returncode == 0, made.stderr
    token = made.stdout.strip()
    assert re.fullmatch(r"bw_[\w-]{43}", token)
    with running(tmp_path, "serve", "--port", "0") as address:
        assert httpx2.get(f"{address}/health", trust_env=False).json()["status"] == "ok"
        answer = post(address, token)
        assert (answer.status_code, answer.json()["new"], answer.json()["pictures"]) == (200, 1, 1), answer.text
        for _ in range(600):
            if examined(tmp_path):
                break
            time.sleep(0.1)
    assert examined(tmp_path) == 1
    listed = json.loads(run(tmp_path, "token", "list", "--json").stdout)
    assert [(one["name"], bool(one["last_used"]), one["revoked"]) for one in listed] == [("my browser", True, None)]
    assert token not in json.dumps(listed)
    assert run(tmp_path, "token", "revoke", "my browser").returncode == 0
    assert run(tmp_path, "token", "revoke", "nobody").returncode == 2
    assert run(tmp_path, "token", "add", "my browser").returncode == 1


@pytest.mark.soak
def test_the_daemon_listens_where_a_port_is_set(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    more = {"BAZAARWATCH_FETCH__CONTACT": "test@example.org", "BAZAARWATCH_CONSOLE__PORT": str(port)}
    with running(tmp_path, "run", **more) as address:
        assert address == f"http://127.0.0.1:{port}"
        assert post(address, "bw_wrong").status_code == 401


def test_nothing_listens_beyond_this_machine_before_a_person_may_sign_in(tmp_path):
    done = run(tmp_path, "serve", BAZAARWATCH_CONSOLE__HOST="0.0.0.0")
    assert (done.returncode, done.stdout) == (2, "")
    assert "users add" in done.stderr


def test_render_says_what_is_missing(tmp_path):
    more = {"BAZAARWATCH_FETCH__CONTACT": "test@example.org", "BAZAARWATCH_BROWSER__PROGRAM": "/no/such/chromium"}
    done = run(tmp_path, "render", "http://shop.example/", "--out", "-", **more)
    assert done.returncode == 2
    assert "apt-get install chromium" in done.stderr
