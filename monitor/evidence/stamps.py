"""Time-stamps by RFC 3161: an authority's signed word that bytes existed at a time. Asked for only where one is set.

What is kept is stamped in rolls: a list of the newest entry of each chain of custody that grew since the last roll. One
request covers any number of alerts, and the authority learns nothing but a hash.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from cryptography.x509 import Certificate, load_pem_x509_certificates
from rfc3161_client import (
    HashAlgorithm,
    TimeStampRequest,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from detectors.model import Outcome
from monitor.daemon import Parts
from monitor.errors import EvidenceRefused, FetchError, TryLater
from monitor.evidence.verify import MANIFEST, TOKEN, check, contents, local_header
from monitor.marketplaces.base import Api, Request
from storage import tables
from storage.evidence import heads_after
from storage.stamps import add_roll, last_roll, note_stamp, pending_rolls, rolls_over

_logger = logging.getLogger(__name__)
_SETTLE = timedelta(minutes=1)  # a transaction that is under way for longer waits for the next entry of its alert
_HEADS = 20_000  # of one roll
_API = Api("time-stamp authorities are services for programs (RFC 3161), not pages", requests_per_day=10_000)
_ASK = {"content-type": "application/timestamp-query", "accept": "application/timestamp-reply"}


@dataclass(frozen=True, slots=True)
class Stamped:
    """An authority's raw answer, and the time in it."""

    token: bytes
    at: datetime


async def stamp(parts: Parts, data: bytes) -> Stamped:
    """Have bytes time-stamped; only their SHA-512 leaves the house.

    Raises:
        EvidenceRefused: No authority is set, it refused, or its answer does not hold.
        TryLater: This machine has no network.
    """
    url = parts.settings.evidence.timestamp_url
    if not url:
        raise EvidenceRefused("no time-stamp authority is set: evidence.timestamp_url names one")
    asked = TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA512).build()
    request = Request(url, headers=_ASK, method="POST", body=asked.as_bytes(), repeatable=True, api=_API)
    try:
        page = await parts.reader.fetcher.get(request)
    except TryLater:
        raise
    except FetchError as error:
        raise EvidenceRefused(f"the time-stamp authority cannot be asked: {error}") from None
    if page.outcome not in (None, Outcome.OK) or page.status != 200:
        raise EvidenceRefused(f"the time-stamp authority did not answer: {page.reason or f'status {page.status}'}")
    roots = _certificates(parts.settings.evidence.timestamp_certificates, parts.settings.data_dir)
    return Stamped(page.body, read_token(page.body, data, roots, asked))


async def stamp_or_reason(parts: Parts, data: bytes) -> tuple[bytes | None, str]:
    """A token and its time in words, or none and why."""
    if not parts.settings.evidence.timestamp_url:
        return None, "not asked for"
    try:
        stamped = await stamp(parts, data)
    except (EvidenceRefused, TryLater) as error:
        return None, f"pending: {error}"
    return stamped.token, f"{stamped.at:%Y-%m-%d %H:%M:%S} UTC"


def read_token(
    token: bytes, data: bytes, roots: Sequence[Certificate] = (), asked: TimeStampRequest | None = None
) -> datetime:
    """The time at which an authority saw the bytes.

    Args:
        token: The raw answer (a TimeStampResp).
        roots: Certificates to check its signature by; without them only hash and number are compared.
        asked: The request that it answers.

    Raises:
        EvidenceRefused: It is no time-stamp of these bytes, or its signature does not hold.
    """
    try:
        answer = decode_timestamp_response(token)
        info = answer.tst_info
    except ValueError as error:
        raise EvidenceRefused(f"the time-stamp cannot be read: {error}") from None
    if roots:
        builder = VerifierBuilder.from_request(asked) if asked else VerifierBuilder()
        for root in roots:
            builder = builder.add_root_certificate(root)
        try:
            builder.build().verify_message(answer, data)
        except VerificationError as error:
            raise EvidenceRefused(f"the time-stamp does not hold: {error}") from None
    elif not _is_over(info.message_imprint.message, data) or (asked and info.nonce != asked.nonce):
        raise EvidenceRefused("the time-stamp is of other bytes")
    return info.gen_time


def _is_over(imprint: bytes, data: bytes) -> bool:
    return any(hashlib.new(kind, data).digest() == imprint for kind in ("sha256", "sha384", "sha512"))


def _certificates(file: str, data_dir: Path) -> list[Certificate]:
    if not file:
        return []
    path = data_dir / Path(file).expanduser()
    try:
        return load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise EvidenceRefused(f"evidence.timestamp_certificates: {path}: {error}") from None


async def stamp_rolls(parts: Parts) -> list[tables.TimeStamp]:
    """Write a roll of what was kept since the last one, and have every roll stamped that is pending.

    A roll that cannot be stamped now waits; nothing else waits for it.
    """
    now = parts.clock.now()
    async with parts.database.read() as session:
        last = await last_roll(session)
        heads = await heads_after(session, last.up_to if last else 0, now - _SETTLE, _HEADS)
    authority = parts.settings.evidence.timestamp_url
    if heads:
        listed = [{"alert": one.alert_id, "position": one.position, "hash": one.hash} for one in heads]
        roll = json.dumps({"made_at": now.isoformat(), "heads": listed}, sort_keys=True, indent=1).encode()
        sha256 = await parts.blobs.put(roll)
        async with parts.database.write("roll of custody written") as session:
            await add_roll(session, sha256, heads[-1].id, authority, now)
    async with parts.database.read() as session:
        pending = await pending_rolls(session)
    done = []
    for row in pending:
        token, failure = await stamp_or_reason(parts, await parts.blobs.get(row.sha256))
        kept = await parts.blobs.put(token) if token else None
        async with parts.database.write("time-stamp kept") as session:
            done.append(await note_stamp(session, row.id, authority, kept, failure, parts.clock.now()))
        _logger.info("roll of custody", extra={"roll": row.sha256, "stamped": bool(token), "reason": failure})
    return done


async def stamp_zip(parts: Parts, path: Path) -> datetime:
    """Put the time-stamp of its manifest into an evidence ZIP that was written without one.

    Raises:
        EvidenceRefused: It is damaged, has one already, or no authority answers.
        TryLater: This machine has no network.
    """
    report = check(str(path))
    if report.faults:
        raise EvidenceRefused(f"{path}: {report.faults[0]}")
    with zipfile.ZipFile(path) as file:
        if TOKEN in file.namelist():
            raise EvidenceRefused(f"{path} has its time-stamp already")
        manifest, begin = file.read(MANIFEST), file.start_dir
        entries = [(one.filename.encode(), one.CRC, one.file_size, one.header_offset) for one in file.infolist()]
    stamped = await stamp(parts, manifest)
    await asyncio.to_thread(_add_token, path, stamped.token, entries, begin)
    return stamped.at


def _add_token(path: Path, token: bytes, entries: list[tuple[bytes, int, int, int]], begin: int) -> None:
    """Write the ZIP anew with its token behind the last file; it appears whole or stays as it is."""
    crc, size = zlib.crc32(token), len(token)
    head = local_header(TOKEN.encode(), crc, size)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix="new-", suffix=".zip")
    with path.open("rb") as before, os.fdopen(handle, "wb") as after:
        _copy(before, after, begin)
        after.write(head + token + contents([*entries, (TOKEN.encode(), crc, size, begin)]))
        after.flush()
        os.fsync(after.fileno())
    Path(temporary).replace(path)


def _copy(before: BinaryIO, after: BinaryIO, size: int) -> None:
    while size:
        piece = before.read(min(size, 1 << 20))
        after.write(piece)
        size -= len(piece)


async def rolls_for(parts: Parts, chains: Sequence[Sequence[tables.Custody]]) -> list[tuple[str, bytes]]:
    """The stamped rolls that cover some chains of custody, and their tokens: file names and bytes."""
    newest = max((entry.id for chain in chains for entry in chain), default=0)
    known = {(entry.alert_id, entry.position) for chain in chains for entry in chain}
    files: list[tuple[str, bytes]] = []
    async with parts.database.read() as session:
        stamped = await rolls_over(session, min((chain[0].id for chain in chains if chain), default=0), newest)
    for row in stamped:
        roll = await parts.blobs.get(row.sha256)
        if row.token and any((one["alert"], one["position"]) in known for one in json.loads(roll)["heads"]):
            name = f"time-stamps/{row.sha256}"
            files += [(f"{name}.json", roll), (f"{name}.tsr", await parts.blobs.get(row.token))]
    return files
