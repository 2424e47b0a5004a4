"""`evidence`: what was kept of alerts, taken along and checked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.progress import Progress, TaskID

from monitor.commands.common import (
    AsJson,
    UsageProblem,
    messages,
    print_json,
    progress,
    say,
    show,
    show_facts,
    with_parts,
)
from storage import tables
from storage.evidence import custody_of, evidence_of, exported_as
from storage.subjects import alerts_of_case, alerts_of_complaint, alerts_of_seller, case_seller, find_seller

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from sqlalchemy.ext.asyncio import AsyncSession

    from monitor.daemon import Parts
    from monitor.evidence.bundle import Written
    from monitor.evidence.recapture import Recaptured

T = TypeVar("T")
evidence = typer.Typer(no_args_is_help=True, help="Evidence: shown, captured again, taken along as one ZIP, checked.")

_SUBJECT = re.compile(r"(alert|case|complaint|c)[-: ]?(\d+)", re.IGNORECASE)
SubjectArgument = Annotated[str, typer.Argument(metavar="SUBJECT", help="case-3, alert-17 or complaint-5 (also C-5).")]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="ZIP", help="A new file; else one of its name, in this folder.")
]


@dataclass(frozen=True, slots=True)
class Subject:
    """What was named on the command line."""

    kind: str
    number: int

    @property
    def title(self) -> str:
        """What it is called on sheets and in the audit log."""
        return f"{self.kind} {self.number}"


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    app.add_typer(evidence, name="evidence")


def read_subject(text: str) -> Subject:
    """A case, alert or complaint by kind and number.

    Raises:
        UsageProblem: It is none.
    """
    found = _SUBJECT.fullmatch(text.strip())
    if not found:
        raise UsageProblem(f"{text!r} names nothing: write case-3, alert-17 or complaint-5")
    kind = found[1].lower()
    return Subject("complaint" if kind == "c" else kind, int(found[2]))


async def alerts_of(parts: Parts, subject: Subject) -> list[int]:
    """The alerts that a subject is about.

    Raises:
        NotFound: There is no such case or complaint.
    """
    async with parts.database.read() as session:
        if subject.kind == "case":
            return await alerts_of_case(session, subject.number)
        if subject.kind == "complaint":
            return await alerts_of_complaint(session, subject.number)
    return [subject.number]


@evidence.command("list")
def list_(ctx: typer.Context, subject: SubjectArgument, as_json: AsJson = False) -> None:
    """Show what was kept of a case, alert or complaint, and how each item came."""
    from monitor.evidence.exhibit import how_it_came

    def row(item: tables.Evidence) -> dict[str, Any]:
        shown = {"kind": item.kind, "seen": item.seen_at, "came": how_it_came(item), "sha256": item.sha256}
        return shown | {"url": item.url, "how": item.how, "about": item.about}

    _show_each(ctx, subject, evidence_of, row, "nothing was kept", ["url", "how", "about", "sha256"], as_json)


@evidence.command()
def custody(ctx: typer.Context, subject: SubjectArgument, as_json: AsJson = False) -> None:
    """Show who had the evidence in hand, from the first capture on."""

    def row(one: tables.Custody) -> dict[str, Any]:
        shown = {"entry": one.position, "at": one.at, "who": one.actor, "what": one.action}
        return shown | {"facts": one.facts, "hash": one.hash}

    _show_each(ctx, subject, custody_of, row, "no custody", ["facts", "hash"], as_json)


def _show_each(
    ctx: typer.Context,
    subject: str,
    read: Callable[[AsyncSession, int], Awaitable[Sequence[T]]],
    row: Callable[[T], dict[str, Any]],
    empty: str,
    hide: Sequence[str],
    as_json: bool,
) -> None:
    """Show what is kept of each alert that a subject is about, a row each."""
    named = read_subject(subject)

    async def work(parts: Parts) -> list[dict[str, Any]]:
        rows = []
        for alert_id in await alerts_of(parts, named):
            async with parts.database.read() as session:
                rows += [{"alert": alert_id} | row(one) for one in await read(session, alert_id)]
        return rows

    show(with_parts(ctx, work), as_json, f"{empty} of {named.title}", hide=hide)


@evidence.command()
def capture(ctx: typer.Context, subject: SubjectArgument, as_json: AsJson = False) -> None:
    """Fetch the listings and their matched pictures once more and keep what comes. Exit code 1 if any was not seen."""
    named = read_subject(subject)

    async def run(parts: Parts) -> list[Recaptured]:
        return await _capture(parts, await alerts_of(parts, named), ctx.obj.actor, quiet=as_json)

    done = with_parts(ctx, run)
    rows = [
        {"alert": one.alert_id, "outcome": one.outcome.value, "seen": one.seen_at, "items": one.kept, "why": one.reason}
        for one in done
    ]
    show(rows, as_json, f"{named.title} has no alerts")
    if any(one.outcome != "ok" for one in done):
        raise typer.Exit(1)


async def _capture(parts: Parts, alert_ids: Sequence[int], actor: str, *, quiet: bool) -> list[Recaptured]:
    from monitor.evidence.recapture import capture_again

    return [
        await capture_again(parts, alert_id, actor) for alert_id in progress(alert_ids, "looking again", quiet=quiet)
    ]


@evidence.command()
def export(
    ctx: typer.Context,
    subject: SubjectArgument,
    out: Out = None,
    as_it_is: Annotated[
        bool, typer.Option("--as-it-is", help="Do not fetch again what was last seen more than 24 hours ago.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write the evidence of a case, alert or complaint as one ZIP that anyone can read and check offline."""
    named = read_subject(subject)
    file = _new_file(out, f"{named.kind}-{named.number}.zip")

    async def run(parts: Parts) -> Written:
        from monitor.evidence.bundle import write_bundle
        from monitor.evidence.recapture import refresh

        alert_ids, actor = await alerts_of(parts, named), ctx.obj.actor
        with telling(quiet=as_json) as tell:
            if not as_it_is:
                async for _ in refresh(parts, alert_ids, actor, partial(tell, "looking again"), say):
                    pass
            return await write_bundle(
                parts,
                named.title,
                alert_ids,
                file,
                actor,
                lambda done: tell("comparing", done, len(alert_ids)),
            )

    tell_written(with_parts(ctx, run), as_json)


@evidence.command()
def counsel(
    ctx: typer.Context,
    seller: Annotated[str, typer.Argument(metavar="SELLER", help="marketplace:id, a seller's name, or case-3.")],
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Write a seller's whole story as one ZIP for counsel: chronology, listings, decisions, complaints, evidence."""

    async def run(parts: Parts) -> Written:
        from monitor.evidence.counsel import write_counsel_pack

        case = _SUBJECT.fullmatch(seller.strip())
        async with parts.database.read() as session:
            if case and case[1].lower() == "case":
                row = await case_seller(session, int(case[2]))
            else:
                row = await find_seller(session, seller)
            total = len(await alerts_of_seller(session, row.id))
        with telling(quiet=as_json) as tell:
            file = _new_file(out, f"counsel-{row.id}.zip")
            return await write_counsel_pack(
                parts, row, file, ctx.obj.actor, lambda done: tell("comparing", done, total)
            )

    tell_written(with_parts(ctx, run), as_json)


def _new_file(out: Path | None, name: str) -> Path:
    """Where a ZIP goes: never over one that was handed out already.

    Raises:
        UsageProblem: Something is there.
    """
    file = (out or Path(name)).absolute()
    if file.exists():
        raise UsageProblem(f"{file} is there already; choose another name with --out")
    return file


@contextmanager
def telling(*, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Bars on standard error, one for each thing that is done: told what, how many are done, and of how many."""
    with Progress(console=messages, transient=True, disable=quiet or not messages.is_terminal) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, done: int, total: int) -> None:
            if total > 1:
                if what not in tasks:
                    tasks[what] = bars.add_task(what, total=total)
                bars.update(tasks[what], completed=done)

        yield tell


def tell_written(written: Written, as_json: bool) -> None:
    """Say what is in a ZIP that was written, and the number by which it is known again."""
    facts = {
        "file": written.path,
        "manifest_sha256": written.manifest_sha256,
        "alerts": written.alerts,
        "files": written.files,
        "bytes": written.size,
        "time_stamp": written.time_stamp,
        "missing": list(written.missing),
    }
    show_facts(facts, as_json)


@evidence.command()
def verify(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="ZIP", help="An evidence ZIP.")],
    manifest: Annotated[str, typer.Option(help="The SHA-256 of its manifest, as it was told when it was made.")] = "",
    as_json: AsJson = False,
) -> None:
    """Check an evidence ZIP: names every byte changed and record dropped, added or reordered. Exit code 1 if any."""
    from monitor.evidence.verify import check

    if not file.is_file():
        raise UsageProblem(f"{file}: there is no such file")
    report = check(str(file), manifest or None)
    made_here = with_parts(ctx, lambda parts: _exported(parts, report.manifest_sha256))
    if as_json:
        facts = {"faults": report.faults, "notes": report.notes, "files": report.files, "made_here": made_here}
        print_json({**facts, "manifest_sha256": report.manifest_sha256})
    else:
        for line in (*report.notes, *(f"FAULT {fault}" for fault in report.faults)):
            say(line)
        say(f"SHA-256 of the manifest: {report.manifest_sha256 or 'it cannot be read'}")
        say(made_here or "this installation has no record of that manifest: compare the number with the one you know")
        faults = f"{len(report.faults)} fault{'s' if len(report.faults) > 1 else ''}"
        say(faults if report.faults else f"nothing was changed in {report.files} files")
    if report.faults:
        raise typer.Exit(1)


async def _exported(parts: Parts, manifest_sha256: str) -> str | None:
    """When this installation wrote a ZIP with that manifest, by its audit log."""
    async with parts.database.read() as session:
        entry = await exported_as(session, manifest_sha256)
    return f"written here as {entry.subject}, {entry.at:%Y-%m-%d %H:%M} UTC, by {entry.actor}" if entry else None


@evidence.command()
def stamp(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(metavar="ZIP", help="An evidence ZIP that waits for its own.")] = None,
    as_json: AsJson = False,
) -> None:
    """Have what was kept since the last time attested by the time-stamp authority, or one ZIP. Code 1 if pending."""
    from monitor.evidence import stamps

    if file is not None:
        done = with_parts(ctx, lambda parts: stamps.stamp_zip(parts, file))
        say(f"{file}: time-stamped {done:%Y-%m-%d %H:%M:%S} UTC")
        return
    rolls = with_parts(ctx, stamps.stamp_rolls)
    rows = [
        {"roll": one.sha256, "authority": one.authority, "stamped": one.stamped_at, "pending": one.failure}
        for one in rolls
    ]
    show(rows, as_json, "nothing new was kept since the last time-stamp")
    if any(not one.stamped_at for one in rolls):
        raise typer.Exit(1)
