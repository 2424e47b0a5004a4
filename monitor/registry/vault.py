"""The vault: papers sealed with AES-256-GCM under a secret that a key file or a passphrase opens.

The key never lies in the data folder, so that a copy of the folder shows no paper. The key seals one secret, the secret
seals the papers: another key needs only the secret sealed anew, in one transaction.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import secrets
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import platformdirs
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from detectors.documents import Paper, validate_paper
from monitor.daemon import Parts
from monitor.errors import VaultError
from storage.blobs import Blobs
from storage.documents import (
    add_document,
    add_vault,
    change_key,
    get_document,
    get_vault,
    list_documents,
    note_opened,
    remove_document,
)
from storage.errors import NotFound
from storage.tables import Document, Vault

FOLDER = "vault"
LARGEST_BYTES = 50_000_000  # of one paper; sealing holds it in memory twice
_BEING_SEALED = timedelta(hours=1)  # a file stands before its row does
_KEY_BYTES = 32
_NONCE_BYTES = 12  # random: 2^32 papers stay within NIST SP 800-38D's bound
_SCRYPT = {"n": 2**15, "r": 8, "p": 3}  # OWASP Password Storage Cheat Sheet: 32 MB, about 0.3 s
_SHORTEST_PASSPHRASE = 12
_KEY_FILE_BEGINS = "bazaarwatch-vault-key-1:"
_READABLE_BY_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Secret:
    """The opened vault: seals and opens papers. Never printed, never stored."""

    _key: bytes

    def __repr__(self) -> str:
        return "Secret(***)"

    def mark(self, data: bytes) -> str:
        """A hash of a paper that tells nothing without the secret: the same paper, the same mark."""
        return hmac.new(self._key, b"mark:" + data, hashlib.sha256).hexdigest()

    def seal(self, data: bytes, bound_to: bytes) -> bytes:
        """The data sealed; it opens only for the row that it was bound to."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self._key).encrypt(nonce, data, bound_to)

    def open(self, sealed: bytes, bound_to: bytes) -> bytes:
        """The data that `seal` was given.

        Raises:
            InvalidTag: A byte was changed, or it was bound to something else.
        """
        return AESGCM(self._key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound_to)

    def sealed_by(self, key: bytes) -> bytes:
        """The secret itself, sealed by a key."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(key).encrypt(nonce, self._key, b"vault")


# Opening


async def make_vault(parts: Parts, actor: str, key_file: Path | None, passphrase: str | None) -> Vault:
    """Make the vault; its row says where the key is.

    Args:
        key_file: Where to write the key; None for the user's configuration folder. Not with a passphrase.
        passphrase: Instead of a key file.

    Raises:
        VaultError: The key file would lie in the data folder, is there already, or the passphrase is short.
        Refused: There is a vault.
    """
    async with parts.database.read() as session:
        present = await get_vault(session)
    if present is None:  # else add_vault refuses, before a key file is written
        secret = Secret(secrets.token_bytes(_KEY_BYTES))
        vault = await _new_key(parts, secret, key_file, passphrase)
    else:
        vault = present
    async with parts.database.write("vault made") as session:
        await add_vault(session, parts.clock.now(), actor, vault)
    return vault


async def open_vault(parts: Parts, passphrase: str = "") -> Secret:
    """Open the vault by its key file, or by a passphrase: the one given, else the settings'.

    Raises:
        NotFound: There is no vault.
        VaultError: The key is missing, readable by others, or another vault's; the vault's row was altered.
    """
    vault = await the_vault(parts)
    if vault.key_file:
        path = key_path(parts, vault)
        key, name = _read_key_file(path), f"the key in {path}"
    else:
        given = passphrase or parts.settings.vault.passphrase.get_secret_value()
        key, name = await asyncio.to_thread(_derive, given, vault.salt), "that passphrase"
    if _key_id(key) != vault.key_id:
        raise VaultError(f"{name} does not open the vault: it is not the one that the vault was sealed with")
    try:
        opened = AESGCM(key).decrypt(vault.sealed_secret[:_NONCE_BYTES], vault.sealed_secret[_NONCE_BYTES:], b"vault")
    except InvalidTag:
        raise VaultError("the vault's row in the database was altered; restore the database from a backup") from None
    return Secret(opened)


async def rekey(parts: Parts, secret: Secret, actor: str, key_file: Path | None, passphrase: str | None) -> Vault:
    """Give the vault another key; the old one opens nothing from then on. A crash leaves the old one or the new.

    Raises:
        VaultError: As `make_vault`.
    """
    vault = await _new_key(parts, secret, key_file, passphrase)
    async with parts.database.write("vault rekeyed") as session:
        await change_key(session, parts.clock.now(), actor, vault)
    return vault


async def the_vault(parts: Parts) -> Vault:
    """The vault's row.

    Raises:
        NotFound: There is none.
    """
    async with parts.database.read() as session:
        vault = await get_vault(session)
    if vault is None:
        raise NotFound("no vault yet; `bazaarwatch vault init` makes one")
    return vault


def key_path(parts: Parts, vault: Vault) -> Path:
    """Where the key file is: as the settings say, else where it was written."""
    return Path(parts.settings.vault.key_file or vault.key_file).expanduser()


async def _new_key(parts: Parts, secret: Secret, key_file: Path | None, passphrase: str | None) -> Vault:
    """A row for the secret under a key that is made now, whose file, if it is one, is on disk."""
    if passphrase is not None:
        if len(passphrase) < _SHORTEST_PASSPHRASE:
            raise VaultError(f"the passphrase is too short: {_SHORTEST_PASSPHRASE} characters at least")
        salt = secrets.token_bytes(16)
        key = await asyncio.to_thread(_derive, passphrase, salt)
        return Vault(key_id=_key_id(key), key_file="", salt=salt, sealed_secret=secret.sealed_by(key))
    key = secrets.token_bytes(_KEY_BYTES)
    path = key_file or Path(platformdirs.user_config_dir("bazaarwatch", appauthor=False)) / f"vault-{_key_id(key)}.key"
    path = path.expanduser().absolute()
    if path.resolve().is_relative_to(parts.settings.data_dir.resolve()):
        raise VaultError(f"{path} is in the data folder: who copies that would have the key too; choose another place")
    _write_new(path, (_KEY_FILE_BEGINS + base64.b64encode(key).decode() + "\n").encode())
    return Vault(key_id=_key_id(key), key_file=str(path), salt=b"", sealed_secret=secret.sealed_by(key))


def _derive(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=_KEY_BYTES, **_SCRYPT).derive(passphrase.encode())


def _key_id(key: bytes) -> str:
    return hmac.new(key, b"bazaarwatch vault key id", hashlib.sha256).hexdigest()[:16]


def _read_key_file(path: Path) -> bytes:
    try:
        if os.name != "nt" and path.stat().st_mode & _READABLE_BY_OTHERS:
            raise VaultError(f"the key file {path} can be read by others: run `chmod 600 {path}`")
        text = path.read_text("ascii").strip()
    except FileNotFoundError:
        raise VaultError(f"no key file {path}; bring it back from its backup, or set vault.key_file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise VaultError(f"the key file {path} cannot be read: {error}") from None
    try:
        key = base64.b64decode(text.removeprefix(_KEY_FILE_BEGINS), validate=True)
    except ValueError:
        key = b""
    if not text.startswith(_KEY_FILE_BEGINS) or len(key) != _KEY_BYTES:
        raise VaultError(f"{path} is no key file of a vault; bring it back from its backup")
    return key


def _write_new(path: Path, data: bytes) -> None:
    """Write a file that only its owner reads and that was not there before, durably."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise VaultError(f"{path} is there already; choose another name") from None
    except OSError as error:
        raise VaultError(f"{path} cannot be written: {error.strerror}") from None
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


# Papers


async def seal_paper(
    parts: Parts, secret: Secret, actor: str, owner_id: int, paper: Paper, file: Path, language: str = ""
) -> Document | None:
    """Seal a copy of a file; None where this very paper is in the vault already. The file itself stays where it is.

    Raises:
        VaultError: The file cannot be read, is too large, or the paper lacks what its kind must state.
        NotFound, Refused: The right does not exist, or is another owner's.
    """
    problems = validate_paper(paper, file.name)
    if problems:
        raise VaultError(f"{file.name} is not kept: " + "; ".join(map(str, problems)))
    data = await asyncio.to_thread(_read, file)
    row = Document(
        owner_id=owner_id,
        right_id=paper.right_id,
        kind=paper.kind.value,
        language=language,
        valid_from=paper.valid_from,
        valid_to=paper.valid_to,
        facts={"grantor": paper.grantor, "grantee": paper.grantee, "platforms": list(paper.platforms)},
        size=len(data),
        mark=secret.mark(data),
    )
    row.sealed_name = secret.seal(file.name.encode("utf-8", "surrogateescape"), _bound(row, "name"))
    row.sha256 = await _sealed(parts).put(secret.seal(data, _bound(row, "content")))
    kept = None
    try:
        async with parts.database.write("document sealed") as session:
            kept = await add_document(session, parts.clock.now(), actor, row)
    finally:
        if kept is None:
            _sealed(parts).remove(row.sha256)
    return kept


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > LARGEST_BYTES:
            raise VaultError(f"{file} is larger than {LARGEST_BYTES // 1_000_000} MB")
        return file.read_bytes()
    except OSError as error:
        raise VaultError(f"{file} cannot be read: {error.strerror}") from None


async def open_paper(parts: Parts, secret: Secret, actor: str, document_id: int, why: str) -> tuple[str, bytes]:
    """A paper's file name and content in the clear; that it was opened is recorded.

    Raises:
        NotFound: There is no such paper.
        VaultError: Its sealed file is missing or was altered.
    """
    async with parts.database.read() as session:
        document = await get_document(session, document_id)
    what = f"document {document_id} ({document.kind})"
    try:
        sealed = await _sealed(parts).get(document.sha256)
        data = secret.open(sealed, _bound(document, "content"))
    except (NotFound, InvalidTag):
        message = f"{what}: its sealed file is missing or was altered; restore the folder {FOLDER} from a backup"
        raise VaultError(message) from None
    name = name_of(secret, document)
    async with parts.database.write("document opened") as session:
        await note_opened(session, parts.clock.now(), actor, document, why)
    return name, data


def name_of(secret: Secret, document: Document) -> str:
    """A paper's file name, without any folder.

    Raises:
        VaultError: Its row was altered.
    """
    try:
        name = secret.open(document.sealed_name, _bound(document, "name")).decode("utf-8", "surrogateescape")
    except InvalidTag:
        what = f"document {document.id} ({document.kind})"
        raise VaultError(f"{what}: its row in the database was altered; restore it from a backup") from None
    return Path(name).name


async def export_paper(parts: Parts, secret: Secret, actor: str, document_id: int, to: Path, why: str) -> Path:
    """Write a paper in the clear to a new file that only its owner reads; into ``to`` where that is a folder.

    Raises:
        NotFound, VaultError: As `open_paper`; or the file is there already.
    """
    name, data = await open_paper(parts, secret, actor, document_id, why)
    path = to / name if await asyncio.to_thread(to.is_dir) else to
    await asyncio.to_thread(_write_new, path, data)
    return path


async def remove_paper(parts: Parts, actor: str, document_id: int, why: str) -> None:
    """Take a paper out for good: its row, then its sealed file.

    Raises:
        NotFound: There is no such paper.
    """
    async with parts.database.write("document removed") as session:
        document = await remove_document(session, parts.clock.now(), actor, document_id, why)
    _sealed(parts).remove(document.sha256)


async def orphans(parts: Parts) -> list[str]:
    """Sealed files that belong to no paper: a crash came between a file and its row, or one is being sealed now."""
    async with parts.database.read() as session:
        known = {one.sha256 for one in await list_documents(session)}
    return sorted(set(await asyncio.to_thread(lambda: list(_sealed(parts).hashes()))) - known)


async def sweep(parts: Parts) -> int:
    """Delete sealed files that belong to no paper and that nobody is sealing; how many there were."""
    before, sealed = parts.clock.now() - _BEING_SEALED, _sealed(parts)
    gone = [await asyncio.to_thread(sealed.collect, sha256, before) for sha256 in await orphans(parts)]
    await asyncio.to_thread(sealed.sweep, before)
    return sum(gone)


async def vault_faults(parts: Parts, *, deep: bool) -> list[str]:
    """What is wrong with the vault, as far as it can be told without a passphrase; ``deep`` opens every paper."""
    async with parts.database.read() as session:
        vault, documents = await get_vault(session), await list_documents(session)
    if vault is None:
        return []
    present = set(_sealed(parts).hashes())
    faults = [
        f"document {one.id} ({one.kind}): its sealed file is missing" for one in documents if one.sha256 not in present
    ]
    if not vault.key_file and not parts.settings.vault.passphrase.get_secret_value():
        return faults + (_altered(parts, documents, None) if deep else [])
    try:
        secret = await open_vault(parts)
    except VaultError as error:
        return [*faults, str(error)]
    return faults + (await asyncio.to_thread(_altered, parts, documents, secret) if deep else [])


def _altered(parts: Parts, documents: Sequence[Document], secret: Secret | None) -> list[str]:
    faults = []
    for one in documents:
        try:
            sealed = _sealed(parts).read(one.sha256)
            if secret:
                secret.open(sealed, _bound(one, "content"))
        except (NotFound, InvalidTag):
            faults.append(f"document {one.id} ({one.kind}): its sealed file or its row was altered")
    return faults


def _bound(document: Document, part: str) -> bytes:
    """What a sealed value belongs to: one moved to another owner, right or kind does not open."""
    return json.dumps([part, document.owner_id, document.right_id, document.kind, document.mark]).encode()


def _sealed(parts: Parts) -> Blobs:
    return Blobs(parts.settings.data_dir / FOLDER, parts.database.commit_points)
