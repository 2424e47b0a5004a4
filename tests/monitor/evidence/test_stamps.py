"""Time-stamps by an authority made here with `openssl ts`, asked over loopback."""

import asyncio
import contextlib
import json
import shutil
import socket
import subprocess
import zipfile

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from monitor.errors import EvidenceRefused
from monitor.evidence import verify
from monitor.evidence.bundle import write_bundle
from monitor.evidence.stamps import read_token, stamp, stamp_rolls, stamp_zip

from .conftest import plant, plant_alert

_CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = Bazaarwatch test authority
[root]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[tsa]
default_tsa = here
[here]
serial = serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
ess_cert_id_alg = sha256
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A folder with a root certificate, a time-stamping certificate and the settings of `openssl ts`."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("authority")
    (folder / "ts.cnf").write_text(_CONFIG)
    (folder / "serial").write_text("01")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30")
    for name, more in (("root", ("-x509",)), ("leaf", ("-x509", "-CA", "root.pem", "-CAkey", "root.key"))):
        files = ("-keyout", f"{name}.key", "-out", f"{name}.pem", "-extensions", name)
        command = ["openssl", "req", *more, *key, "-config", "ts.cnf", *files, "-subj", f"/CN=test {name}"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


class Service:
    """The authority over HTTP; ``answer`` replaces what it says."""

    def __init__(self, folder):
        self.folder, self.asked, self.answer = folder, [], None

    async def reply(self, request):
        query = await request.body()
        self.asked.append(query)
        if self.answer is not None:
            return self.answer
        (self.folder / "query.tsq").write_bytes(query)
        signing = ("-inkey", "leaf.key", "-signer", "leaf.pem", "-config", "ts.cnf", "-section", "here")
        command = ["openssl", "ts", "-reply", "-queryfile", "query.tsq", *signing, "-out", "reply.tsr"]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
        return Response((self.folder / "reply.tsr").read_bytes(), media_type="application/timestamp-reply")


@contextlib.asynccontextmanager
async def serving(service):
    """The address at which the service answers."""
    app = Starlette(routes=[Route("/tsa", service.reply, methods=["POST"])])
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@pytest.fixture
async def service(authority):
    return Service(authority)


@pytest.fixture
async def stamping(opened, sqlite_url, service, authority):
    """An installation that asks the authority and checks what it answers."""
    async with serving(service) as address:
        environ = {
            "BAZAARWATCH_EVIDENCE__TIMESTAMP_URL": f"http://{address}/tsa",
            "BAZAARWATCH_EVIDENCE__TIMESTAMP_CERTIFICATES": str(authority / "root.pem"),
            "BAZAARWATCH_FETCH__OWN_ADDRESSES": json.dumps([address]),
        }
        async with opened(sqlite_url, **environ) as parts:
            yield parts


async def test_a_time_stamp_is_of_the_bytes_and_of_no_others(stamping, authority):
    stamped = await stamp(stamping, b"seen")
    assert read_token(stamped.token, b"seen") == stamped.at
    with pytest.raises(EvidenceRefused, match="of other bytes"):
        read_token(stamped.token, b"unseen")
    for name, data in (("token.tsr", stamped.token), ("data", b"seen")):
        (authority / name).write_bytes(data)
    command = ["openssl", "ts", "-verify", "-in", "token.tsr", "-data", "data", "-CAfile", "root.pem"]
    subprocess.run(command, cwd=authority, check=True, capture_output=True)


async def test_an_answer_that_does_not_hold_is_no_time_stamp(stamping, service):
    token = (await stamp(stamping, b"other")).token
    for answer in (Response(token), Response(b"no token"), Response(token[:-9] + b"x" * 9), Response(status_code=404)):
        service.answer = answer
        with pytest.raises(EvidenceRefused):
            await stamp(stamping, b"seen")


async def test_only_a_hash_leaves_the_house(stamping, service):
    await stamp(stamping, b"a secret page")
    assert b"secret" not in service.asked[0]
    assert len(service.asked[0]) < 150


async def test_the_manifest_of_an_export_is_time_stamped_and_the_check_says_so(stamping, tmp_path, clock):
    (alert_id,) = await plant(stamping, ("Cat pin",))
    clock.advance(120)
    (roll,) = await stamp_rolls(stamping)
    assert (roll.failure, roll.stamped_at) == ("", clock.now())
    assert await stamp_rolls(stamping) == []
    written = await write_bundle(stamping, "alert 1", [alert_id], tmp_path / "alert.zip", "mira")
    assert written.time_stamp.endswith(" UTC")
    report = verify.check(str(written.path))
    assert report.faults == []
    assert sum("time-stamped 2" in note for note in report.notes) == 2  # the roll of when it was kept, and the manifest
    data = bytearray(written.path.read_bytes())
    with zipfile.ZipFile(written.path) as file:
        place = next(
            one for one in file.infolist() if one.filename.startswith("time-stamps/") and "json" in one.filename
        )
    data[place.header_offset + 60 + len(place.filename)] ^= 1
    written.path.write_bytes(data)
    assert any(place.filename in fault for fault in verify.check(str(written.path)).faults)


async def test_an_export_waits_for_no_authority_and_can_be_stamped_later(stamping, service, tmp_path, clock):
    (alert_id,) = await plant(stamping, ("Cat pin",))
    clock.advance(120)
    service.answer = Response(status_code=404)
    (pending,) = await stamp_rolls(stamping)
    written = await write_bundle(stamping, "alert 1", [alert_id], tmp_path / "alert.zip", "mira")
    assert written.time_stamp.startswith("pending: the time-stamp authority did not answer")
    assert verify.TOKEN not in zipfile.ZipFile(written.path).namelist()
    service.answer = None
    at = await stamp_zip(stamping, written.path)
    report = verify.check(str(written.path), written.manifest_sha256)
    assert report.faults == []
    assert any(f"manifest.tsr: time-stamped {at:%Y%m%d%H%M%S}" in note for note in report.notes)
    with pytest.raises(EvidenceRefused, match="already"):
        await stamp_zip(stamping, written.path)
    again = await stamp_rolls(stamping)
    assert (again[0].sha256, again[0].failure, pending.failure[:7]) == (pending.sha256, "", "pending")
    await plant_alert(stamping, 1, 1, 2, "Cat patch")
    assert await stamp_rolls(stamping) == []  # a transaction as young as this may still be joined by an older one


async def test_without_an_authority_none_is_asked(sqlite_parts):
    with pytest.raises(EvidenceRefused, match="no time-stamp authority is set"):
        await stamp(sqlite_parts, b"seen")
