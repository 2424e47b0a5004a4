"""`mailbox`: platforms' mails, taken in and acted upon; what nobody recognised waits for a person."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from monitor.commands.common import AsJson, UsageProblem, progress, say, show, show_facts, with_parts
from monitor.complaints.mails import Kind
from monitor.daemon import Parts
from monitor.desk import mailbox as box
from storage import tables
from storage.mails import get_mail, list_mails

mailbox = typer.Typer(no_args_is_help=True, help="Platforms' mails: recognised, or waiting for a person.")

MailId = Annotated[int, typer.Argument(help="The mail's id.")]
Person = Annotated[str, typer.Option("--as", help="The person who says so, by name.")]
_TEXT_CHARS = 4000


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    app.add_typer(mailbox, name="mailbox")


@mailbox.command()
def poll(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Look into the IMAP mailbox of the settings now; nothing in it is changed."""
    _show_taken(with_parts(ctx, box.poll), as_json)


@mailbox.command("import")
def import_(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Mails saved as .eml files.")],
    as_json: AsJson = False,
) -> None:
    """Take in mails that you saved as files; the same mail twice is one."""
    largest = ctx.obj.settings.mailbox.max_bytes
    for file in files:
        if file.stat().st_size > largest:
            raise UsageProblem(f"{file} is larger than mailbox.max_bytes ({largest:,} bytes)")
    mails = [file.read_bytes() for file in files]

    async def work(parts: Parts) -> list[box.Taken]:
        return [await box.take_in(parts, data, "file") for data in progress(mails, "reading", quiet=as_json)]

    _show_taken(with_parts(ctx, work), as_json)


def _show_taken(taken: list[box.Taken], as_json: bool) -> None:
    rows = [
        {"mail": one.mail_id, "new": one.new, "kind": one.kind or None, "state": one.state, "note": one.note}
        for one in taken
    ]
    show(rows, as_json, "no new mail")
    waiting = sum(one.state == "waiting" for one in taken)
    if waiting and not as_json:
        say(f"{waiting} wait for you: `bazaarwatch mailbox show ID`, then `bazaarwatch mailbox assign ID ...`")


@mailbox.command("list")
def list_(
    ctx: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Also those that were acted upon or set aside.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the mails that wait for a person, the newest first."""

    async def work(parts: Parts) -> list[dict[str, Any]]:
        async with parts.database.read() as session:
            return [_row(one) for one in await list_mails(session, None if every else ["waiting"])]

    show(with_parts(ctx, work), as_json, "no mail waits", hide=["received", "how", "right", "handled_by"])


def _row(mail: tables.Mail) -> dict[str, Any]:
    return {
        "id": mail.id,
        "state": mail.state,
        "sent": mail.sent_at,
        "sender": mail.sender,
        "subject": mail.subject,
        "kind": mail.kind or None,
        "complaint": mail.complaint_id,
        "right": mail.right_id,
        "note": mail.note,
        "received": mail.received_at,
        "how": mail.how,
        "handled_by": mail.handled_by,
    }


@mailbox.command("show")
def show_one(ctx: typer.Context, mail_id: MailId, as_json: AsJson = False) -> None:
    """Show one mail: who wrote, what was made of it, and its text."""

    async def work(parts: Parts) -> dict[str, Any]:
        async with parts.database.read() as session:
            row = await get_mail(session, mail_id)
        mail = await parts.sandbox.mail(await parts.blobs.get(row.sha256), parts.settings.mailbox.trusted_server)
        text = mail.text[:_TEXT_CHARS]
        return _row(row) | {
            "sender_vouched_for": mail.vouched,
            "attachments": mail.attachments,
            "text": text if as_json else text.splitlines(),
        }

    show_facts(with_parts(ctx, work), as_json)


@mailbox.command()
def assign(
    ctx: typer.Context,
    mail_id: MailId,
    kind: Annotated[Kind, typer.Argument(help="What the mail says.")],
    person: Person,
    complaint: Annotated[int | None, typer.Option(help="The complaint it is about, by its id.")] = None,
) -> None:
    """Say what a waiting mail is, and let it happen."""
    taken = with_parts(ctx, lambda parts: box.assign(parts, mail_id, _named(person), kind, complaint))
    say(taken.note)


@mailbox.command()
def ignore(
    ctx: typer.Context,
    mail_id: MailId,
    person: Person,
    note: Annotated[str, typer.Option(help="Why.")] = "about nothing of ours",
) -> None:
    """Set a waiting mail aside."""
    with_parts(ctx, lambda parts: box.set_aside(parts, mail_id, _named(person), note))


def _named(person: str) -> str:
    if not person.strip():
        raise UsageProblem("--as: this is said by a person, by name")
    return " ".join(person.split())
