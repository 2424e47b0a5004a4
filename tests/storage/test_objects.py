"""Stored files in an S3-compatible store: moto's server, on this machine."""

import socket
from datetime import UTC, datetime, timedelta

import pytest

from config.errors import ConfigError
from config.settings import load
from monitor.daemon import make_blobs
from storage.errors import NotFound, StoreAway
from storage.postgres import is_away

pytest.importorskip("obstore", reason="the extra s3 is not installed")
moto = pytest.importorskip("moto.server", reason="moto[server] is not installed")

pytestmark = pytest.mark.slow
_DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def endpoint():
    import boto3

    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=url, **keys).create_bucket(Bucket="files")
    yield url
    server.stop()


@pytest.fixture
def blobs(endpoint, tmp_path):
    return make_blobs(_settings(tmp_path, endpoint, f"s3://files/{tmp_path.name}"))


def _settings(folder, endpoint, url):
    names = {"URL": url, "ENDPOINT": endpoint, "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b"}
    return load(folder, {f"BAZAARWATCH_BLOBS__{name}": value for name, value in names.items()})


async def test_what_is_put_comes_back_under_its_hash_and_is_listed(blobs):
    hashes = {await blobs.put(data) for data in (b"", b"a picture", b"a page", b"a page")}
    assert {await blobs.get(sha256) for sha256 in hashes} == {b"", b"a picture", b"a page"}
    assert sorted(blobs.hashes()) == sorted(hashes)
    for sha256 in hashes:
        blobs.remove(sha256)
        blobs.remove(sha256)
        with pytest.raises(NotFound, match="no stored file"):
            await blobs.get(sha256)


async def test_a_changed_file_is_not_handed_out_and_only_hashes_are_names(blobs):
    sha256 = await blobs.put(b"true")
    blobs._api.put(blobs._store, f"{sha256[:2]}/{sha256}", b"false")
    with pytest.raises(NotFound, match="no longer has that hash"):
        await blobs.get(sha256)
    with pytest.raises(NotFound, match="is no SHA-256"):
        await blobs.get("../../etc/passwd")


async def test_the_purge_takes_what_nobody_stored_lately_and_nothing_else(blobs):
    sha256 = await blobs.put(b"a picture")
    now = datetime.now(UTC)
    assert not blobs.collect(sha256, now - _DAY)
    assert await blobs.get(sha256) == b"a picture"
    assert blobs.collect(sha256, now + _DAY)
    assert not blobs.collect(sha256, now + _DAY), "it was gone already"
    assert list(blobs.hashes()) == []


async def test_what_is_stored_anew_while_the_purge_takes_it_is_there_afterwards(blobs, monkeypatch):
    sha256 = await blobs.put(b"a picture")
    monkeypatch.setattr("storage.objects._FRESH", timedelta(0))  # as if it had been stored long ago
    soon = datetime.now(UTC)
    delete, stored_at = blobs._api.delete, blobs._stored_at

    def deleting(store, key):
        blobs._put(b"a picture")  # by another process, at the worst moment
        delete(store, key)

    monkeypatch.setattr(blobs, "_api", type("Api", (), {**vars(blobs._api), "delete": staticmethod(deleting)}))
    monkeypatch.setattr(blobs, "_stored_at", lambda key: soon - _DAY if key[:4] != "kept" else stored_at(key))
    assert not blobs.collect(sha256, soon - _DAY / 2)
    assert await blobs.get(sha256) == b"a picture"
    monkeypatch.undo()
    blobs.sweep(datetime.now(UTC) + _DAY)
    assert list(blobs._listed("kept/")) == []


async def test_a_store_that_is_away_is_named_and_its_work_is_put_back(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    blobs = make_blobs(_settings(tmp_path, f"http://127.0.0.1:{port}", "s3://files"))
    blobs._store = type(blobs._store).from_url(
        "s3://files", endpoint=f"http://127.0.0.1:{port}", access_key_id="a", secret_access_key="b",
        client_options={"allow_http": True}, retry_config={"max_retries": 0},
    )  # fmt: skip
    with pytest.raises(StoreAway, match="the object store of \\[blobs\\] cannot be used") as caught:
        await blobs.put(b"a picture")
    assert is_away(caught.value)


def test_an_address_that_is_none_of_a_bucket_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="url"):
        _settings(tmp_path, "", "https://files.example")
