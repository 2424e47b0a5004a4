"""`vault`: certificates, identity papers, powers of attorney, sealed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from detectors.documents import DocumentKind, Paper
from monitor.commands.accounts import account_platform
from monitor.commands.common import AsJson, UsageProblem, ask_secret, parse_day, say, show, with_parts
from monitor.daemon import Parts
from monitor.errors import VaultError
from monitor.registry import vault as sealing
from storage.documents import list_documents
from storage.owners import list_owners
from storage.tables import Document
from storage.works import the_owner

vault = typer.Typer(no_args_is_help=True, help="Certificates, identity papers and powers of attorney, sealed.")

DocumentId = Annotated[int, typer.Argument(help="The document's id.")]
KeyFile = Annotated[
    Path | None, typer.Option(help="Where to write the key, outside the data folder; else your configuration folder.")
]
Passphrase = Annotated[
    bool, typer.Option("--passphrase", help="No key file: a passphrase, asked for or BAZAARWATCH_VAULT__PASSPHRASE.")
]
_INSTEAD = "set BAZAARWATCH_VAULT__PASSPHRASE"
_LOSS = "whoever loses it loses the papers: nobody can open them without it"


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    app.add_typer(vault, name="vault")


@vault.command()
def init(ctx: typer.Context, key_file: KeyFile = None, passphrase: Passphrase = False) -> None:
    """Make the vault and its key. The key is not in the data folder: back it up apart from that."""
    known = ctx.obj.settings.vault.passphrase.get_secret_value()
    chosen = _new_passphrase(known, key_file) if passphrase else None
    made = with_parts(ctx, lambda parts: sealing.make_vault(parts, ctx.obj.actor, key_file, chosen))
    _say_where(made.key_file)


@vault.command()
def rekey(ctx: typer.Context, key_file: KeyFile = None, passphrase: Passphrase = False) -> None:
    """Give the vault another key or passphrase; the old one opens nothing any more."""

    async def change(parts: Parts) -> tuple[str, str]:
        before = await sealing.the_vault(parts)
        secret = await _open(parts)
        known = parts.settings.vault.passphrase.get_secret_value() if before.key_file else ""  # else it is the old one
        chosen = _new_passphrase(known, key_file) if passphrase else None
        after = await sealing.rekey(parts, secret, ctx.obj.actor, key_file, chosen)
        return before.key_file and str(sealing.key_path(parts, before)), after.key_file

    old, new = with_parts(ctx, change)
    if ctx.obj.settings.vault.key_file and new:
        say("vault.key_file in the settings names the old key: change or remove it")
    if old:
        say(f"{old} opens nothing any more: delete it and its backups")
    _say_where(new)


@vault.command()
def add(
    ctx: typer.Context,
    kind: Annotated[DocumentKind, typer.Argument(help="What it is.")],
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="The files; copies are sealed.")],
    right: Annotated[int | None, typer.Option(help="The id of the right that it proves.")] = None,
    owner: Annotated[str | None, typer.Option(help="The rights holder, where there are several.")] = None,
    valid_from: Annotated[str | None, typer.Option(help="The first day, as 2026-01-01.")] = None,
    valid_to: Annotated[str | None, typer.Option(help="The last day, as 2026-12-31.")] = None,
    grantor: Annotated[str | None, typer.Option(help="Of a power of attorney; else the rights holder.")] = None,
    grantee: Annotated[str, typer.Option(help="Of a power of attorney: who may act.")] = "",
    platform: Annotated[
        list[str] | None, typer.Option(help="Where a power of attorney holds, else everywhere; may be repeated.")
    ] = None,
    language: Annotated[str, typer.Option(help="Of the document, such as en, de or zh.")] = "",
) -> None:
    """Seal copies of files. Your files stay where they are; adding one again changes nothing."""
    first, last = parse_day(valid_from, "--valid-from"), parse_day(valid_to, "--valid-to")

    async def store(parts: Parts) -> list[Document | None]:
        where = tuple(account_platform(parts, name) for name in platform or ())
        secret = await _open(parts)
        async with parts.database.read() as session:
            holder = await the_owner(session, owner)
        named = (grantor or holder.name) if kind is DocumentKind.POWER_OF_ATTORNEY else ""
        paper = Paper(kind, right, first, last, named, grantee, where)
        actor = ctx.obj.actor
        return [await sealing.seal_paper(parts, secret, actor, holder.id, paper, file, language) for file in files]

    for file, stored in zip(files, with_parts(ctx, store), strict=True):
        say(f"document {stored.id} sealed" if stored else f"{file.name} is in the vault already")


@vault.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show what is in the vault; file names only where the key is at hand."""

    async def work(parts: Parts) -> list[dict[str, Any]]:
        async with parts.database.read() as session:
            documents = await list_documents(session)
            owners = {row.id: row.name for row in await list_owners(session)}
        secret = await _open_quietly(parts) if documents else None
        return [
            {
                "id": one.id,
                "kind": one.kind,
                "name": sealing.name_of(secret, one) if secret else None,
                "owner": owners[one.owner_id],
                "right": one.right_id,
                "language": one.language,
                "valid_from": one.valid_from,
                "valid_to": one.valid_to,
                "grantor": one.facts.get("grantor", ""),
                "grantee": one.facts.get("grantee", ""),
                "platforms": one.facts.get("platforms", []),
                "kilobytes": max(1, one.size // 1000),
                "added": one.added_at,
            }
            for one in documents
        ]

    empty = "the vault is empty; `bazaarwatch vault add KIND FILE` seals a paper"
    show(with_parts(ctx, work), as_json, empty, hide=("language", "valid_from", "grantor"))


@vault.command()
def export(
    ctx: typer.Context,
    document: DocumentId,
    to: Annotated[Path, typer.Argument(help="A new file, or a folder.")],
    why: Annotated[str, typer.Option(help="What it is needed for, for the log.")] = "",
) -> None:
    """Write a paper in the clear, to a file that only you can read. That it was opened is recorded."""

    async def work(parts: Parts) -> Path:
        return await sealing.export_paper(parts, await _open(parts), ctx.obj.actor, document, to, why)

    say(f"written: {with_parts(ctx, work)}; delete it when it has been handed in")


@vault.command()
def remove(
    ctx: typer.Context, document: DocumentId, why: Annotated[str, typer.Option(help="The reason, for the log.")] = ""
) -> None:
    """Take a paper out for good; backups may still hold it, sealed."""
    with_parts(ctx, lambda parts: sealing.remove_paper(parts, ctx.obj.actor, document, why))
    say(f"document {document} is out of the vault")


@vault.command()
def sweep(ctx: typer.Context) -> None:
    """Delete sealed files that a crash left without their paper, once they are an hour old."""
    say(f"{with_parts(ctx, sealing.sweep)} files without a paper deleted")


async def _open(parts: Parts) -> sealing.Secret:
    """The opened vault; asks for a passphrase that the settings do not know."""
    row = await sealing.the_vault(parts)
    known = row.key_file or parts.settings.vault.passphrase.get_secret_value()
    return await sealing.open_vault(parts, "" if known else ask_secret("Passphrase of the vault", _INSTEAD))


async def _open_quietly(parts: Parts) -> sealing.Secret | None:
    """The opened vault, if that needs nobody to be asked."""
    row = await sealing.the_vault(parts)
    if not row.key_file and not parts.settings.vault.passphrase.get_secret_value():
        return None
    try:
        return await sealing.open_vault(parts)
    except VaultError as error:
        say(f"file names are not shown: {error}")
        return None


def _new_passphrase(known: str, key_file: Path | None) -> str:
    if key_file:
        raise UsageProblem("either --key-file or --passphrase, not both")
    if known:
        return known
    chosen = ask_secret("New passphrase of the vault", _INSTEAD)
    if ask_secret("The same again", _INSTEAD) != chosen:
        raise UsageProblem("the two passphrases differ")
    return chosen


def _say_where(key_file: str) -> None:
    if key_file:
        say(f"the key is in {key_file}: back it up apart from the data folder; {_LOSS}")
    else:
        say(f"the passphrase opens the vault: keep it in a safe place; {_LOSS}")
