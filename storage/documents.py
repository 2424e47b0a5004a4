"""The vault's row and the papers sealed in it: what is known of each without the key."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from detectors.documents import DocumentKind, Paper
from storage.audit import record
from storage.errors import NotFound, Refused
from storage.rights import get_right
from storage.tables import Document, Vault


async def get_vault(session: AsyncSession) -> Vault | None:
    """The vault; None before one was made."""
    return await session.get(Vault, 1)


async def add_vault(session: AsyncSession, now: datetime, actor: str, vault: Vault) -> None:
    """Keep a new vault.

    Raises:
        Refused: There is one.
    """
    if await get_vault(session):
        raise Refused("there is a vault already; `bazaarwatch vault rekey` gives it another key")
    vault.id, vault.created_at, vault.changed_at = 1, now, now
    session.add(vault)
    await record(session, now, actor, "vault made", "vault", _how(vault))


async def change_key(session: AsyncSession, now: datetime, actor: str, new: Vault) -> None:
    """Let another key open the vault from now on.

    Raises:
        NotFound: There is no vault.
    """
    vault = await get_vault(session)
    if vault is None:
        raise NotFound("no vault yet; `bazaarwatch vault init` makes one")
    facts = {"before": _how(vault), "after": _how(new)}
    vault.key_id, vault.key_file, vault.salt, vault.sealed_secret = (
        new.key_id,
        new.key_file,
        new.salt,
        new.sealed_secret,
    )
    vault.changed_at = now
    await record(session, now, actor, "vault rekeyed", "vault", facts)


def _how(vault: Vault) -> dict[str, str]:
    return {"key": vault.key_id, "by": "key file" if vault.key_file else "passphrase"}


async def add_document(session: AsyncSession, now: datetime, actor: str, document: Document) -> Document | None:
    """Keep a sealed paper; None where this content is kept under this kind, owner and right already.

    Raises:
        NotFound: The right does not exist.
        Refused: The right is another owner's, or the same content is kept with other dates or names.
    """
    if document.right_id is not None and (await get_right(session, document.right_id)).owner_id != document.owner_id:
        raise Refused(f"right {document.right_id} is another owner's")
    same = {name: getattr(document, name) for name in ("owner_id", "right_id", "kind", "mark")}
    kept = await session.scalar(select(Document).filter_by(**same))
    if kept:
        stated = ("language", "valid_from", "valid_to", "facts")
        if any(getattr(kept, name) != getattr(document, name) for name in stated):
            raise Refused(
                f"document {kept.id} is this very file with other dates, names or language: "
                f"`bazaarwatch vault remove {kept.id}` takes it out first"
            )
        return None
    document.added_at = now
    session.add(document)
    await session.flush()
    facts = {"kind": document.kind, "owner": document.owner_id, "right": document.right_id}  # never its name
    await record(session, now, actor, "document sealed", f"document {document.id}", facts)
    return document


async def list_documents(
    session: AsyncSession, owner_ids: Collection[int] | None = None, right_id: int | None = None
) -> list[Document]:
    """The papers in the vault, or those of some owners, or of one right."""
    query = select(Document).order_by(Document.owner_id, Document.id)
    if owner_ids is not None:
        query = query.where(Document.owner_id.in_(owner_ids))
    return list(await session.scalars(query.where(Document.right_id == right_id) if right_id else query))


async def get_document(session: AsyncSession, document_id: int) -> Document:
    """One paper.

    Raises:
        NotFound: There is none.
    """
    document = await session.get(Document, document_id)
    if not document:
        raise NotFound(f"no document {document_id}; `bazaarwatch vault list` shows them")
    return document


def paper_of(document: Document) -> Paper:
    """What is known of a paper without the key, in the papers' vocabulary."""
    facts = document.facts
    return Paper(
        DocumentKind(document.kind),
        document.right_id,
        document.valid_from,
        document.valid_to,
        facts["grantor"],
        facts["grantee"],
        tuple(facts["platforms"]),
    )


async def note_opened(session: AsyncSession, now: datetime, actor: str, document: Document, why: str) -> None:
    """Record that somebody took a paper out of the vault in the clear."""
    facts = {"kind": document.kind, "why": why}
    await record(session, now, actor, "document opened", f"document {document.id}", facts)


async def remove_document(session: AsyncSession, now: datetime, actor: str, document_id: int, why: str) -> Document:
    """Forget a paper; its sealed file is the caller's to delete afterwards.

    Raises:
        NotFound: There is none.
    """
    document = await get_document(session, document_id)
    await session.delete(document)
    facts = {"kind": document.kind, "owner": document.owner_id, "right": document.right_id, "why": why}
    await record(session, now, actor, "document removed", f"document {document_id}", facts)
    return document
