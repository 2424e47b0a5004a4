"""`match`: compare two folders of pictures, with nothing stored."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from config.settings import Settings
from detectors.errors import DetectorError
from monitor.commands.common import UsageProblem, messages, say
from monitor.errors import SandboxError
from monitor.registry.pictures import picture_files


def register(app: typer.Typer) -> None:
    """Hang the command into the program."""
    app.command()(match)


def match(
    ctx: typer.Context,
    works: Annotated[Path, typer.Option(exists=True, help="A folder of pictures; each is a work.")],
    images: Annotated[Path, typer.Option(exists=True, help="A folder of pictures to look at.")],
    out: Annotated[Path, typer.Option(help="A line of JSON for each image: its name, and works with scores.")],
    logos: Annotated[
        bool, typer.Option("--logos", help="Also seek the works on small parts of pictures, as if under a trade mark.")
    ] = False,
) -> None:
    """Find the works in a folder of pictures, as the daemon would in a listing's. Higher scores are surer."""
    files, pictures = list(picture_files([works])), list(picture_files([images]))
    if not files or not pictures:
        raise UsageProblem(f"no pictures in {works if not files else images}")
    found, skipped = asyncio.run(_match(ctx.obj.settings, files, pictures, logos))
    out.write_text("".join(json.dumps(line) + "\n" for line in found), "utf-8")
    for line in skipped:
        say(line)
    say(f"{len(found)} images compared with {len(files)} works: {out}")


async def _match(
    settings: Settings, files: list[Path], pictures: list[Path], logos: bool
) -> tuple[list[dict[str, Any]], list[str]]:
    from detectors.judge import judge
    from detectors.logos import Logos
    from detectors.works import WorksIndex
    from monitor.compare import find_matches
    from monitor.models import Models
    from monitor.sandbox import Sandbox

    sandbox, index, skipped = Sandbox(settings.sandbox), WorksIndex(), []
    models = Models(logos=Logos() if logos else None)
    lines: dict[Path, dict[str, Any]] = {}

    async def add(number: int, file: Path) -> None:
        try:
            description = await sandbox.describe(await asyncio.to_thread(file.read_bytes), reference=True)
            index.add(number, number, description)
            if models.logos:
                models.logos.add(number, number, description)
        except (OSError, DetectorError, SandboxError) as error:
            skipped.append(f"work refused: {file.name}: {error}")

    async def compare(file: Path) -> None:
        verdicts = []
        try:
            picture = await asyncio.to_thread(file.read_bytes)
            matches = await find_matches(sandbox, index, picture) + await models.matches(sandbox, picture)
            verdicts = judge(matches, least=0.0)  # weak ones too: whoever measures sets the threshold
        except (OSError, DetectorError, SandboxError) as error:
            skipped.append(f"image skipped: {file.name}: {error}")
        lines[file] = {"image": file.name, "candidates": [[files[v.work_id].name, v.score] for v in verdicts]}

    try:
        with Progress(console=messages, transient=True) as progress:
            bar = progress.add_task("works", total=len(files))
            for number, file in enumerate(files):
                await add(number, file)
                progress.advance(bar)
            bar = progress.add_task("images", total=len(pictures))
            left = iter(pictures)

            async def worker() -> None:
                for file in left:
                    await compare(file)
                    progress.advance(bar)

            await asyncio.gather(*(worker() for _ in range(settings.sandbox.children)))
    finally:
        await sandbox.close()
    return [lines[file] for file in pictures], skipped
