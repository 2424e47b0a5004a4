"""`works intake` and `works from-shop`: many works at once, from a folder, a table or one's own shop."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from monitor.commands.common import AsJson, UsageProblem, counted, parse_day, print_json, say, with_parts
from monitor.daemon import Parts
from monitor.registry.intake import COLUMNS, TABLES, Taken, entries_of_folder, entries_of_table, take_in
from monitor.registry.ownshop import SHOPS, Wish, read_saved, read_shop, take_in_shop
from monitor.registry.ownshop import Taken as Product
from monitor.saved.pictures import read_file
from monitor.text import safe_link
from storage.rights import add_publication
from storage.tables import Publication
from storage.works import find_work, the_owner

_LARGEST_PROOF = 50_000_000
_OwnerName = Annotated[str | None, typer.Option("--owner", help="The rights holder, where there are several.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Register nothing; say what would be.")]


def register(works: typer.Typer) -> None:
    """Hang the commands under `works`."""
    works.command()(intake)
    works.command("from-shop")(from_shop)
    works.command()(prove)


def intake(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(exists=True, help="A folder, or a table: CSV or XLSX.")],
    owner: _OwnerName = None,
    dry_run: _DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Register many works at once. Doing it again adds only what is new.

    In a folder, each sub-folder is a work, named after it; pictures beside the sub-folders are works of their own. A
    table has a row for each picture (or several, between semicolons); docs/rights.md explains its columns.
    """
    if not path.is_dir() and path.suffix.lower() not in TABLES:
        raise UsageProblem(f"{path} is no folder and no table; columns of a CSV or XLSX: {', '.join(COLUMNS)}")

    async def work(parts: Parts) -> list[Taken]:
        async with parts.database.read() as session:
            holder = await the_owner(session, owner)
        entries = entries_of_folder(path) if path.is_dir() else await entries_of_table(parts, path, holder)
        total = sum(max(1, len(entry.pictures)) for entry in entries)
        if not total:
            raise UsageProblem(f"nothing to register in {path}")
        taking = take_in(parts, holder, entries, ctx.obj.actor, dry=dry_run)
        return [one async for one in counted(taking, total, "reading pictures", quiet=as_json)]

    _report(with_parts(ctx, work), as_json)


def from_shop(
    ctx: typer.Context,
    shop: Annotated[str, typer.Argument(help="Your shop's address; or a file or folder of pages saved from it.")],
    url: Annotated[str, typer.Option(help="The shop's address, for saved pages that do not tell it.")] = "",
    marketplace: Annotated[
        str | None, typer.Option(help=f"What it runs on ({', '.join(SHOPS)}); else it is tried out.")
    ] = None,
    shop_id: Annotated[str, typer.Option(help="An Etsy shop's number; its API needs a key in the settings.")] = "",
    pages: Annotated[int, typer.Option(min=1, help="Pages of its list, at most.")] = 20,
    pictures: Annotated[int, typer.Option(min=1, help="Pictures of one product, at most.")] = 5,
    currency: Annotated[str | None, typer.Option(help="Of prices whose page does not say it, such as EUR.")] = None,
    rights: Annotated[
        bool, typer.Option("--rights", help="Register an unregistered copyright where the shop states the day.")
    ] = False,
    owner: _OwnerName = None,
    dry_run: _DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Make your own shop known: works, references, prices and proofs of publication; and its seller as allowed.

    Doing it again adds only what is new. Nothing is claimed of a work by this alone: a right states when and where it
    was first published, which only you know for sure.
    """
    if marketplace is not None and marketplace not in SHOPS:
        raise UsageProblem(f"--marketplace: {marketplace!r} is none of {', '.join(SHOPS)}")
    wish = Wish(marketplace, shop_id, pages, pictures, currency and currency.upper(), rights, dry_run)

    async def work(parts: Parts) -> list[Product]:
        async with parts.database.read() as session:
            holder = await the_owner(session, owner)
        saved = Path(shop)
        known = await asyncio.to_thread(saved.exists)
        goods = await read_saved(parts, saved, url, wish) if known else await read_shop(parts, _address(shop), wish)
        taking = take_in_shop(parts, holder, goods, wish, ctx.obj.actor)
        return [one async for one in counted(taking, len(goods), "reading products", quiet=as_json)]

    _report_shop(with_parts(ctx, work), as_json, dry_run)


def prove(
    ctx: typer.Context,
    work: Annotated[str, typer.Argument(help="Its id or title.")],
    on: Annotated[str, typer.Option(help="The day on which it was public, as 2024-05-01.")],
    at: Annotated[str, typer.Option(help="Where: a shop, a site, a magazine, a city.")],
    url: Annotated[str, typer.Option(help="The address that shows it.")] = "",
    file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A saved page, screenshot or scan; it is kept.")
    ] = None,
) -> None:
    """Keep a dated proof that a work was public. The earliest one counts; the same one again changes nothing."""
    day = parse_day(on, "--on")
    if not url and not file:
        raise UsageProblem("give --url or --file: a day alone proves nothing")
    if url and safe_link(url) is None:
        raise UsageProblem(f"--url: {url!r} is no plain http(s) address")

    async def store(parts: Parts) -> bool:
        sha256 = await parts.blobs.put(await asyncio.to_thread(read_file, file, _LARGEST_PROOF)) if file else ""
        async with parts.database.write("publication proved") as session:
            found, now = await find_work(session, work), parts.clock.now()
            proof = Publication(work_id=found.id, url=url, place=at, stated_on=day, stated_by=ctx.obj.actor)
            proof.sha256, proof.file_name, proof.seen_at = sha256, file.name if file else "", now
            return await add_publication(session, now, ctx.obj.actor, proof) is not None

    say("kept" if with_parts(ctx, store) else "this is its proof already")


def _address(shop: str) -> str:
    if "://" not in shop and "." not in shop:
        raise UsageProblem(f"{shop!r} is no address and no file; write https://shop.example")
    return shop if "://" in shop else f"https://{shop}"


def _report_shop(found: list[Product], as_json: bool, dry: bool) -> None:
    if as_json:
        print_json([asdict(one) for one in found])
    else:
        for problem in (problem for one in found for problem in one.problems):
            say(f"refused: {problem}")
        says = "would be" if dry else "were"
        new, pictures = sum(one.new for one in found), sum(one.pictures for one in found)
        proofs, prices = sum(one.proof for one in found), sum(bool(one.price) for one in found)
        rights, there = sum(bool(one.right) for one in found), len(found)
        claims = f", {rights} rights" if rights else ""
        say(f"{there} products: {new} works, {pictures} pictures, {proofs} proofs of publication{claims} {says} added")
        if not dry:
            say(
                "the shop is on the allow list: `bazaarwatch sellers list`; prices and proofs: `bazaarwatch works list`"
            )
        if not dry and not prices:
            say("no price was told with its currency: --currency EUR says what they are in")
    if any(one.problems for one in found):
        raise typer.Exit(1)


def _report(found: list[Taken], as_json: bool) -> None:
    """Say what became of everything; exit code 1 where something was refused."""
    rows: list[dict[str, Any]] = [
        {"source": one.source, "what": one.what, "work": one.work, "detail": one.detail} for one in found
    ]
    counts = Counter(one.what for one in found)
    if as_json:
        print_json(rows)
    else:
        for one in found:
            if one.what in ("refused", "duplicate"):
                say(f"{one.what}: {one.source}: {one.detail}")
        say(", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
    if counts["refused"]:
        raise typer.Exit(1)
