"""The vault: papers that only the key opens, whatever happens to the data folder."""

from __future__ import annotations

import os
import shutil
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text

from config.settings import load
from detectors.documents import DocumentKind, Paper
from monitor.daemon import build
from monitor.errors import VaultError
from monitor.registry import vault
from storage.audit import entries, first_broken
from storage.documents import list_documents, paper_of
from storage.errors import NotFound, Refused
from storage.rights import add_right
from storage.tables import Right
from storage.works import set_owner
from tests.storage.making import NOW

CONTENT = b"\x89PNG quokka-in-the-passport"
NAME = "Mira Moss quokka.png"
POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")


@pytest.fixture(autouse=True)
def _data(tmp_path, sqlite_url):
    """A data folder whose database has its tables."""
    (tmp_path / "data").mkdir()
    shutil.move(tmp_path / "database" / "bazaarwatch.db", tmp_path / "data")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home" / "config"))
    return tmp_path / "home"


@pytest.fixture
def paper(tmp_path):
    file = tmp_path / NAME
    file.write_bytes(CONTENT)
    return file


@asynccontextmanager
async def parts_of(tmp_path: Path, clock, **environ):
    async with build(load(tmp_path / "data", environ), clock=clock) as parts:
        async with parts.database.write("test") as session:
            await set_owner(session, NOW, "test", "Mira Moss", {})
            await set_owner(session, NOW, "test", "Ben", {})
        yield parts


IDENTITY = Paper(DocumentKind.IDENTITY)


def sealed_files(tmp_path):
    """The papers on disk."""
    return [one for one in (tmp_path / "data" / "vault").rglob("?" * 64) if one.is_file()]


async def sealed(parts, paper):
    """A vault with one identity paper; the secret and the paper's id."""
    await vault.make_vault(parts, "mira", None, None)
    secret = await vault.open_vault(parts)
    document = await vault.seal_paper(parts, secret, "mira", 1, IDENTITY, paper)
    return secret, document.id


async def test_a_paper_comes_back_and_nothing_in_the_data_folder_shows_it(home, tmp_path, paper, clock):
    async with parts_of(tmp_path, clock) as parts:
        secret, document_id = await sealed(parts, paper)
        assert await vault.seal_paper(parts, secret, "mira", 1, IDENTITY, paper) is None
        assert len(sealed_files(tmp_path)) == 1
        name, data = await vault.open_paper(parts, secret, "ben", document_id, "for the portal")
        async with parts.database.read() as session:
            (newest,) = await entries(session, 1)
            assert await first_broken(session) is None
        assert await vault.vault_faults(parts, deep=True) == []
    assert (name, data) == (NAME, CONTENT)
    assert (newest.actor, newest.action, newest.facts["why"]) == ("ben", "document opened", "for the portal")
    for file in (tmp_path / "data").rglob("*"):
        kept = file.read_bytes() if file.is_file() else b""
        assert b"quokka" not in kept
    assert repr(secret) == "Secret(***)"


@POSIX
async def test_the_key_lies_outside_the_data_folder_and_only_its_owner_reads_it(home, tmp_path, clock):
    async with parts_of(tmp_path, clock) as parts:
        with pytest.raises(VaultError, match="in the data folder"):
            await vault.make_vault(parts, "mira", tmp_path / "data" / "key", None)
        (tmp_path / "link").symlink_to(tmp_path / "data")
        with pytest.raises(VaultError, match="in the data folder"):
            await vault.make_vault(parts, "mira", tmp_path / "link" / "key", None)
        made = await vault.make_vault(parts, "mira", None, None)
        key = Path(made.key_file)
        assert key.is_relative_to(home)
        assert key.stat().st_mode & 0o777 == 0o600
        with pytest.raises(Refused, match="a vault already"):
            await vault.make_vault(parts, "mira", tmp_path / "second", None)
        assert not (tmp_path / "second").exists()
        key.chmod(0o644)
        with pytest.raises(VaultError, match="chmod 600"):
            await vault.open_vault(parts)


async def test_a_wrong_or_missing_key_is_one_clear_line(home, tmp_path, clock):
    async with parts_of(tmp_path, clock) as parts:
        with pytest.raises(NotFound, match="vault init"):
            await vault.open_vault(parts)
        made = await vault.make_vault(parts, "mira", None, None)
        key = Path(made.key_file)
        right = key.read_text()
        for wrong, says in (
            (f"{right[:40]}{'A' if right[40] != 'A' else 'B'}{right[41:]}", "does not open the vault"),
            ("nonsense\n", "no key file of a vault"),
            (right[:30], "no key file of a vault"),
        ):
            key.write_text(wrong)
            with pytest.raises(VaultError, match=says) as caught:
                await vault.open_vault(parts)
            assert str(key) in str(caught.value)
        key.unlink()
        with pytest.raises(VaultError, match=f"no key file {key}; bring it back"):
            await vault.open_vault(parts)
        assert [fault for fault in await vault.vault_faults(parts, deep=False) if "no key file" in fault]
        key.write_text(right)
        key.chmod(0o600)
        moved = key.rename(tmp_path / "moved.key")
    async with parts_of(tmp_path, clock, BAZAARWATCH_VAULT__KEY_FILE=str(moved)) as parts:
        assert await vault.open_vault(parts)


async def test_a_passphrase_opens_the_vault_and_another_does_not(tmp_path, paper, clock, monkeypatch):
    monkeypatch.setitem(vault._SCRYPT, "n", 2**10)  # how slow it is to guess is not what is tested
    async with parts_of(tmp_path, clock) as parts:
        with pytest.raises(VaultError, match="12 characters at least"):
            await vault.make_vault(parts, "mira", None, "short")
        await vault.make_vault(parts, "mira", None, "moths fly to the moon")
        secret = await vault.open_vault(parts, "moths fly to the moon")
        document = await vault.seal_paper(parts, secret, "mira", 1, IDENTITY, paper)
        with pytest.raises(VaultError, match="that passphrase does not open the vault"):
            await vault.open_vault(parts, "moths fly to the sun")
        assert await vault.vault_faults(parts, deep=True) == []  # as far as can be told without it
    async with parts_of(tmp_path, clock, BAZAARWATCH_VAULT__PASSPHRASE="moths fly to the moon") as parts:
        secret = await vault.open_vault(parts)
        assert (await vault.open_paper(parts, secret, "mira", document.id, ""))[1] == CONTENT


async def test_another_key_opens_the_same_papers_and_the_old_one_nothing(home, tmp_path, paper, clock):
    async with parts_of(tmp_path, clock) as parts:
        secret, document_id = await sealed(parts, paper)
        old = (await vault.the_vault(parts)).key_file
        new = await vault.rekey(parts, secret, "mira", tmp_path / "new.key", None)
        assert (await vault.open_paper(parts, await vault.open_vault(parts), "mira", document_id, ""))[1] == CONTENT
        async with parts.database.write("test") as session:
            (await session.get_one(type(new), 1)).key_file = old
        with pytest.raises(VaultError, match="does not open the vault"):
            await vault.open_vault(parts)


@pytest.mark.parametrize("position", [0, 12, 40, -1])
async def test_a_changed_byte_is_named_with_its_document(home, tmp_path, paper, clock, position):
    async with parts_of(tmp_path, clock) as parts:
        secret, document_id = await sealed(parts, paper)
        (file,) = sealed_files(tmp_path)
        changed = bytearray(file.read_bytes())
        changed[position] ^= 1
        file.write_bytes(changed)
        with pytest.raises(VaultError, match=rf"document {document_id} \(identity\).*restore"):
            await vault.open_paper(parts, secret, "mira", document_id, "")
        assert await vault.vault_faults(parts, deep=False) == []
        (fault,) = await vault.vault_faults(parts, deep=True)
        assert fault.startswith(f"document {document_id} (identity)")
        file.unlink()
        assert await vault.vault_faults(parts, deep=False) == [
            f"document {document_id} (identity): its sealed file is missing"
        ]


@pytest.mark.parametrize("change", ["owner_id = 2", "kind = 'incorporation'", f"mark = '{'0' * 64}'"])
async def test_a_paper_moved_to_another_row_does_not_open(home, tmp_path, paper, clock, change):
    async with parts_of(tmp_path, clock) as parts:
        secret, document_id = await sealed(parts, paper)
        async with parts.database.write("test") as session:
            await session.execute(text(f"UPDATE documents SET {change}"))
        with pytest.raises(VaultError, match="altered"):
            await vault.open_paper(parts, secret, "mira", document_id, "")
        async with parts.database.read() as session:
            (document,) = await list_documents(session)
        with pytest.raises(VaultError, match="its row in the database was altered"):
            vault.name_of(secret, document)


async def test_an_altered_vault_row_is_named(home, tmp_path, clock):
    async with parts_of(tmp_path, clock) as parts:
        made = await vault.make_vault(parts, "mira", None, None)
        async with parts.database.write("test") as session:
            row = await session.get_one(type(made), 1)
            row.sealed_secret = bytes(len(row.sealed_secret))
        with pytest.raises(VaultError, match="the vault's row in the database was altered"):
            await vault.open_vault(parts)


async def test_a_removed_paper_is_gone_from_disk_and_its_removal_recorded(home, tmp_path, paper, clock):
    async with parts_of(tmp_path, clock) as parts:
        _, document_id = await sealed(parts, paper)
        await vault.remove_paper(parts, "mira", document_id, "no longer needed")
        assert sealed_files(tmp_path) == []
        with pytest.raises(NotFound, match="vault list"):
            await vault.remove_paper(parts, "mira", document_id, "")
        async with parts.database.read() as session:
            (newest,) = await entries(session, 1)
    assert newest.facts == {"kind": "identity", "owner": 1, "right": None, "why": "no longer needed"}
    assert paper.exists()


async def test_a_file_that_a_crash_left_without_its_row_is_named_and_swept_and_no_other(
    home, tmp_path, paper, clock, monkeypatch
):
    async with parts_of(tmp_path, clock) as parts:
        secret, _ = await sealed(parts, paper)
        (kept,) = sealed_files(tmp_path)
        (tmp_path / "new.png").write_bytes(b"new")

        async def killed(*_):
            raise SystemExit

        with monkeypatch.context() as patch:
            patch.setattr(vault, "add_document", killed)
            patch.setattr("storage.blobs.Blobs.remove", lambda *_: None)  # a process that is killed tidies nothing
            with pytest.raises(SystemExit):
                await vault.seal_paper(parts, secret, "mira", 1, IDENTITY, tmp_path / "new.png")
        (left,) = await vault.orphans(parts)
        assert await vault.sweep(parts) == 0, "it may be being sealed just now"
        for file in sealed_files(tmp_path):
            os.utime(file, (1, 1))
        assert await vault.sweep(parts) == 1
        assert sealed_files(tmp_path) == [kept]
        assert kept.name != left
        assert await vault.orphans(parts) == []


async def test_an_exported_paper_is_new_and_private_and_overwrites_nothing(home, tmp_path, paper, clock):
    async with parts_of(tmp_path, clock) as parts:
        secret, document_id = await sealed(parts, paper)
        (tmp_path / "out").mkdir()
        written = await vault.export_paper(parts, secret, "mira", document_id, tmp_path / "out", "for the portal")
        assert (written, written.read_bytes()) == (tmp_path / "out" / NAME, CONTENT)
        if os.name != "nt":
            assert written.stat().st_mode & 0o777 == 0o600
        with pytest.raises(VaultError, match="is there already"):
            await vault.export_paper(parts, secret, "mira", document_id, written, "")


async def test_a_paper_that_cannot_be_kept_is_refused_naming_why(home, tmp_path, paper, clock):
    async with parts_of(tmp_path, clock) as parts:
        secret, _ = await sealed(parts, paper)
        async with parts.database.write("test") as session:
            right = Right(owner_id=2, kind="trademark", title="M", number="1", facts={})
            right_id = (await add_right(session, NOW, "test", right, [])).id

        async def refused(paper_facts, file, says, error=VaultError):
            with pytest.raises(error, match=says):
                await vault.seal_paper(parts, secret, "mira", 1, paper_facts, file)

        await refused(Paper(DocumentKind.POWER_OF_ATTORNEY), paper, "grantor: .*grantee: .*valid_to: ")
        await refused(Paper(DocumentKind.CERTIFICATE, right_id), paper, "another owner's", Refused)
        await refused(Paper(DocumentKind.CERTIFICATE, 99), paper, "no right 99", NotFound)
        await refused(IDENTITY, tmp_path / "nothing.pdf", "cannot be read")
        await refused(IDENTITY, tmp_path, "cannot be read")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(vault, "LARGEST_BYTES", 3)
            await refused(IDENTITY, paper, "larger than")
        kept = sealed_files(tmp_path)
        async with parts.database.read() as session:
            known = {one.sha256 for one in await list_documents(session)}
        power = Paper(
            DocumentKind.POWER_OF_ATTORNEY, None, date(2026, 1, 1), date(2027, 1, 1), "Mira", "Guard", ("demo",)
        )
        document = await vault.seal_paper(parts, secret, "mira", 1, power, paper)
        assert paper_of(document) == power
    assert {file.name for file in kept} == known
