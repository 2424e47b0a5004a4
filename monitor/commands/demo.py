"""`demo`: the main job once through, with no network and no account."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from monitor.commands.common import AsJson, State, UsageProblem, print_json, say, show

if TYPE_CHECKING:
    from monitor.demo.tour import Tour

_MARK = ".made-by-bazaarwatch-demo"


def register(app: typer.Typer) -> None:
    """Hang the command into the program."""
    app.command()(demo)


def demo(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Option("--dir", help="Where the demo keeps its data, to be looked at.")] = Path(
        "bazaarwatch-demo"
    ),
    seed: Annotated[int, typer.Option(help="Another seed draws other designs and plants other copies.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Start a small marketplace on this machine, find the stolen designs on it, and complain of them."""
    from monitor.demo.tour import score_as_json

    state: State = ctx.obj
    folder = folder.absolute()
    _make_folder(folder)
    done, address = asyncio.run(_tour(state, folder, seed))
    score = done.score
    if as_json:
        print_json(score_as_json(score) | {"digest": done.digest, "pack": done.pack, "data": folder})
        return
    rows = [
        {"edit": edit, "planted": planted, "found": found, "recall": f"{found / planted:.0%}"}
        for edit, (found, planted) in score.by_edit.items()
    ]
    show(rows, as_json=False, empty="")
    precision = "no alerts" if score.precision is None else f"precision {score.precision:.0%}"
    typer.echo(
        f"\n{score.listings} listings, {score.copies} copies planted: {score.found} found (recall {score.recall:.0%}), "
        f"{score.false_alerts} false alerts ({precision}); "
        f"{score.licensed_aside} of {score.licensed} licensed ones set aside"
    )
    typer.echo(f"\ndigest to look at:  {done.digest / 'digest.html'}")
    typer.echo(f"complaint pack:     {done.pack}")
    typer.echo(f"alerts:             bazaarwatch --data {folder} alerts list --state all")
    port = address.rpartition(":")[2]
    typer.echo(f"the bazaar again:   python -m monitor.demo.server --seed {seed} --port {port}")
    typer.echo(f"search it again:    bazaarwatch --data {folder} scan")
    typer.echo(f"console:            bazaarwatch --data {folder} serve")


def _make_folder(folder: Path) -> None:
    """An empty folder for the demo; only one that an earlier demo made is cleared."""
    if (folder / _MARK).exists():
        shutil.rmtree(folder)
    if folder.exists() and any(folder.iterdir()):
        raise UsageProblem(f"{folder} holds other files; name another folder with --dir")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).touch()


async def _tour(state: State, folder: Path, seed: int) -> tuple[Tour, str]:
    """The tour, and the bazaar's address, which its searches keep."""
    from monitor.daemon import build
    from monitor.demo.catalogue import make_catalogue
    from monitor.demo.server import demo_process
    from monitor.demo.tour import MARKETPLACE, demo_settings, tour
    from monitor.marketplaces import MARKETPLACES
    from monitor.marketplaces.demo import DemoBazaar

    async with demo_process(seed=seed) as base_url:
        settings = demo_settings(folder, urlsplit(base_url).netloc, state.environ)
        marketplaces = dict(MARKETPLACES) | {MARKETPLACE: DemoBazaar(base_url=base_url)}
        async with build(settings, marketplaces) as parts:
            done = await tour(parts, make_catalogue(seed), lambda text: say(f"… {text}"))
            return done, urlsplit(base_url).netloc
