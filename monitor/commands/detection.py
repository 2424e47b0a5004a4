"""How well copies are found, and why: `explain`, `calibrate`, `attack`, `replay`; parts of `works`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from detectors.errors import DetectorError
from detectors.model import Confidence, Match
from monitor.commands.common import AsJson, UsageProblem, messages, print_json, say, show, show_facts, with_parts
from monitor.daemon import Parts
from monitor.errors import SandboxError
from storage.alerts import list_alerts
from storage.errors import NotFound
from storage.negatives import add_negative, negatives, remove_negative
from storage.tables import Negative, Work
from storage.works import find_work, list_works, references

_negative = typer.Typer(no_args_is_help=True, help="Pictures that must not match: stock backgrounds, lookalikes.")
_Seed = Annotated[int, typer.Option(help="The same seed draws the same pictures.")]


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    app.command()(explain)
    app.command()(calibrate)
    app.command()(attack)
    app.command()(replay)


def register_works(works: typer.Typer) -> None:
    """Hang the commands on works under `works`."""
    works.command("look-back")(look_back)
    works.add_typer(_negative, name="negative")


def explain(
    ctx: typer.Context,
    image: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The picture that may show the work.")],
    work: Annotated[str, typer.Argument(help="A registered work's id or title, or a picture file.")],
    out: Annotated[Path, typer.Option(help="The PNG to write: reference, picture and overlay with matched points.")],
    as_json: AsJson = False,
) -> None:
    """Show why a picture matches a work, or that it does not: every number, and an aligned comparison."""

    async def explained(parts: Parts) -> dict[str, Any]:
        picture = await asyncio.to_thread(image.read_bytes)
        matches, pictures = await _compared(parts, picture, work)
        from detectors.judge import SHIPPED, judge

        verdicts = judge(matches, least=0.0)
        placed = [match for match in (verdicts[0].matches if verdicts else ()) if match.placement]
        if placed:
            drawn = await parts.sandbox.comparison(pictures[placed[0].reference_id], picture, placed[0])
            await asyncio.to_thread(out.write_bytes, drawn)
        return {
            "picture": str(image),
            "work": work,
            "score": verdicts[0].score if verdicts else 0.0,
            "asks_from": SHIPPED,
            "confidence": (verdicts[0].confidence if verdicts else Confidence.LOW).value,
            "findings": list(verdicts[0].reasons) if verdicts else [],
            "comparison": str(out) if placed else None,
        }

    try:
        facts = with_parts(ctx, explained)
    except (OSError, DetectorError, SandboxError) as error:
        raise UsageProblem(f"{error}") from None
    show_facts(facts, as_json)
    if not facts["comparison"]:
        say("nothing of the work was found in the picture; no comparison was drawn")


async def _compared(parts: Parts, picture: bytes, work: str) -> tuple[list[Match], dict[int, bytes]]:
    """What is found of a work on a picture beside all other works, as in the daemon; its references' bytes."""
    from monitor.compare import find_matches

    file = Path(work)
    if not await asyncio.to_thread(file.is_file):
        async with parts.database.read() as session:
            work_id = (await find_work(session, work)).id
            rows = await references(session, work_id)
        matches = await parts.works.matches(picture)
        return [m for m in matches if m.work_id == work_id], {row.id: await parts.blobs.get(row.sha256) for row in rows}
    from detectors.works import WorksIndex

    known, index = await asyncio.to_thread(file.read_bytes), WorksIndex()
    index.add(0, 0, await parts.sandbox.describe(known, reference=True))
    return await find_matches(parts.sandbox, index, picture), {0: known}


def calibrate(
    ctx: typer.Context,
    pictures: Annotated[int, typer.Option(min=1, help="How many innocent pictures to measure on.")] = 1_000,
    seed: _Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Measure from which score on each work's false matches start, and which references are weak.

    Innocent are your other works, crawled pictures that nothing was found on, and, while fewer than 1,000 were
    crawled, generated ones: then the result is provisional. Alerts go by it from now on.
    """
    from monitor.calibrate import Measured
    from monitor.calibrate import calibrate as measure

    async def work(parts: Parts) -> Measured:
        with Progress(console=messages, transient=True, disable=as_json) as bar:
            task = bar.add_task("comparing innocent pictures", total=None)
            return await measure(
                parts, ctx.obj.actor, pictures, seed, lambda done, of: bar.update(task, completed=done, total=of)
            )

    measured = with_parts(ctx, work)
    facts = {"crawled": measured.crawled, "catalogue": measured.catalogue, "generated": measured.made}
    if as_json:
        print_json({**facts, "provisional": measured.provisional, "works": [asdict(one) for one in measured.works]})
        return
    rows = [
        {
            "id": one.work_id,
            "title": one.title,
            "asks_from": one.threshold,
            "nearest_innocent": one.nearest,
            "weak": "; ".join(one.weak) or None,
        }
        for one in measured.works
    ]
    show(rows, as_json, "no works yet; `bazaarwatch works add FOLDER` registers your designs")
    say(f"measured on {facts['crawled']} crawled, {facts['catalogue']} own and {facts['generated']} generated pictures")
    if measured.provisional:
        say("provisional: run it again when 1,000 pictures have been crawled")


def attack(
    ctx: typer.Context,
    works: Annotated[list[str] | None, typer.Argument(help="Ids or titles; all works where none is named.")] = None,
    edit: Annotated[list[str] | None, typer.Option(help="Only this kind of edit; may be given several times.")] = None,
    seed: _Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Edit your own works as sellers do, by seed, and print what would slip through, edit by edit."""
    from monitor.attack import Attack
    from monitor.attack import attack as run
    from monitor.demo.edits import EVERY_EDIT

    edits = edit or list(EVERY_EDIT)
    if unknown := [name for name in edits if name not in EVERY_EDIT]:
        raise UsageProblem(f"--edit: no edit {unknown[0]!r}; there are {', '.join(EVERY_EDIT)}")

    async def work(parts: Parts) -> list[Attack]:
        ids = [found.id for found in await _chosen(parts, works)]
        with Progress(console=messages, transient=True, disable=as_json) as bar:
            task = bar.add_task("attacking", total=len(ids) * len(edits))
            return await run(parts, ids, edits, seed, lambda: bar.advance(task))

    tried = with_parts(ctx, work)
    rows = [_row_of(name, [one for one in tried if one.edit == name]) for name in edits] if tried else []
    show(rows, as_json, "no works yet; `bazaarwatch works add FOLDER` registers your designs")
    if tried and not as_json:
        found = sum(one.found for one in tried)
        say(f"{found} of {len(tried)} edited copies would be found ({found / len(tried):.1%}), seed {seed}")


def _row_of(edit: str, tried: Sequence[Any]) -> dict[str, Any]:
    return {
        "edit": edit,
        "copies": len(tried),
        "found": sum(one.found for one in tried),
        "high": sum(one.confidence is Confidence.HIGH for one in tried),
        "slips_through": [one.work_id for one in tried if not one.found],
    }


async def _chosen(parts: Parts, works: Sequence[str] | None) -> list[Work]:
    async with parts.database.read() as session:
        if works:
            return [await find_work(session, name) for name in works]
        return [one.work for one in await list_works(session) if one.references]


def replay(
    ctx: typer.Context,
    alerts: Annotated[list[int] | None, typer.Argument(help="Alerts' ids; all of them where none is named.")] = None,
    changed: Annotated[bool, typer.Option("--changed", help="Only those that would change.")] = False,
    as_json: AsJson = False,
) -> None:
    """Judge past alerts anew from the stored pictures with today's detectors; nothing is changed.

    With the same version the numbers are the same. After an upgrade this shows which verdicts it changes.
    """
    from monitor.replay import Replayed
    from monitor.replay import replay as again

    async def work(parts: Parts) -> list[Replayed]:
        async with parts.database.read() as session:
            known = [view.alert.id for view in await list_alerts(session, parts.clock.now(), state="all")]
        if missing := set(alerts or ()) - set(known):
            raise NotFound(f"no alert {min(missing)}; `bazaarwatch alerts list --state all` shows them")
        ids = sorted(alerts or known)
        with Progress(console=messages, transient=True, disable=as_json) as bar:
            task = bar.add_task("judging anew", total=len(ids))
            return await again(parts, ids, lambda: bar.advance(task))

    done = with_parts(ctx, work)
    rows = [
        {
            "alert": one.alert_id,
            "work": one.work_id,
            "before": f"{one.before:.3f} {one.before_confidence}",
            "after": None if one.after is None else f"{one.after:.3f} {one.after_confidence}",
            "change": one.change,
            "differing": list(one.differing),
        }
        for one in done
        if not changed or one.change != "same"
    ]
    empty = "no alerts yet" if not done else f"none of {len(done)} verdicts would change"
    show(rows, as_json, empty, hide=["differing"])


def look_back(
    ctx: typer.Context,
    works: Annotated[list[str] | None, typer.Argument(help="Ids or titles; all works where none is named.")] = None,
    as_json: AsJson = False,
) -> None:
    """Look for works in every picture seen so far, by the hashes and thumbnails that are kept."""

    async def work(parts: Parts) -> list[dict[str, Any]]:
        return await looked_back(parts, [found.id for found in await _chosen(parts, works)], quiet=as_json)

    rows = with_parts(ctx, work)
    show(rows, as_json, "no works yet; `bazaarwatch works add FOLDER` registers your designs")
    if not as_json:
        say_looked_back(rows)


async def looked_back(parts: Parts, work_ids: Sequence[int], *, quiet: bool) -> list[dict[str, Any]]:
    """Look back for works, with progress; a row of what came of it for each."""
    from monitor.lookback import look_back as search

    with Progress(console=messages, transient=True, disable=quiet) as bar:
        task = bar.add_task("looking back", total=len(work_ids))
        found = await search(parts, work_ids, lambda: bar.advance(task))
    return [{"work": one.work_id, **{k: v for k, v in asdict(one).items() if k != "work_id"}} for one in found]


def say_looked_back(rows: Sequence[Mapping[str, Any]]) -> None:
    """Tell what looking back for new works came to, and that it is not all there is."""
    from monitor.lookback import RECALL

    if not rows or not rows[0]["searched"]:
        return
    shown, listings = sum(row["shown"] for row in rows), sum(len(row["listings"]) for row in rows)
    again = sum(len(row["asked_again"]) for row in rows)
    say(f"looked back at {rows[0]['searched']} pictures: {shown} show new works, in {listings} known listings")
    if again:
        say(f"{again} forgotten listings are fetched again with the next scan")
    say(RECALL)


@_negative.command("add")
def add(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Pictures that must not match.")],
    reason: Annotated[str, typer.Option(help="Why, such as 'stock background of our supplier'.")],
    work: Annotated[str | None, typer.Option(help="Only for this work: its id or title; else for all.")] = None,
) -> None:
    """Name pictures that must not match. What is nearer to them than to a work is set aside, and counted."""

    async def keep(parts: Parts) -> None:
        for file in files:
            data = await asyncio.to_thread(file.read_bytes)
            description = await parts.sandbox.describe(data, reference=True)
            sha256, now = await parts.blobs.put(data), parts.clock.now()
            async with parts.database.write("negative reference added") as session:
                work_id = (await find_work(session, work)).id if work else None
                row = Negative(work_id=work_id, sha256=sha256, file_name=file.name, reason=reason)
                row.description, row.added_at, row.added_by = description.to_bytes(), now, ctx.obj.actor
                await add_negative(session, row)

    try:
        with_parts(ctx, keep)
    except (OSError, DetectorError, SandboxError) as error:
        raise UsageProblem(f"{error}") from None


@_negative.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show the pictures that must not match, and how many alerts each has set aside."""

    async def work(parts: Parts) -> list[dict[str, Any]]:
        async with parts.database.read() as session:
            aside = [
                view.alert.suppressed or ""
                for view in await list_alerts(session, parts.clock.now(), state="suppressed")
            ]
            return [
                {
                    "id": row.id,
                    "file": row.file_name,
                    "work": row.work_id,
                    "reason": row.reason,
                    "set_aside": sum(text.startswith(f"nearer to the negative reference {row.id}:") for text in aside),
                    "added_by": row.added_by,
                    "added_at": row.added_at,
                }
                for row in await negatives(session)
            ]

    show(with_parts(ctx, work), as_json, "no negative references; `bazaarwatch works negative add FILE --reason WHY`")


@_negative.command("remove")
def remove(ctx: typer.Context, number: Annotated[int, typer.Argument(help="Its id.")]) -> None:
    """Let a picture match again."""

    async def work(parts: Parts) -> None:
        async with parts.database.write("negative reference removed") as session:
            await remove_negative(session, number, parts.clock.now(), ctx.obj.actor)

    with_parts(ctx, work)
