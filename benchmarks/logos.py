"""How often a logo on a small part of a picture is found, by its width, with `bazaarwatch match --logos`.

python benchmarks/logos.py --bench ../shared/bench --designs ../shared/designs
python benchmarks/logos.py --drawn 60           60 logos and all grounds drawn by the program itself: no pictures needed
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PIL import Image
from recall import innocents, made, matched

from detectors.judge import SHIPPED
from monitor.demo.drawings import draw, plan
from monitor.innocents import generated

_SHARES: Final = (0.06, 0.08, 0.12, 0.16, 0.25)  # of the ground's width
_GROUND_PX: Final = 800
_QUALITY: Final = 85


def pasted(ground: Path, logo: Path, share: float, rng: random.Random, out: Path) -> bool:
    """Lay a logo somewhere on a picture; whether it fits."""
    picture = Image.open(ground).convert("RGB")
    picture = picture.resize((_GROUND_PX, round(picture.height * _GROUND_PX / picture.width)))
    mark = Image.open(logo).convert("RGBA")
    mark = mark.crop(mark.getbbox())
    width = round(share * _GROUND_PX)
    mark = mark.resize((width, max(1, round(mark.height * width / mark.width))), Image.Resampling.LANCZOS)
    if mark.height > picture.height:
        return False
    place = rng.randint(0, picture.width - mark.width), rng.randint(0, picture.height - mark.height)
    picture.paste(mark, place, mark)
    picture.save(out, "JPEG", quality=_QUALITY)
    return True


def drawn(logos: int, listings: int, folder: Path, seed: int) -> list[Path]:
    """Write so many logos into the folder `works`, and the program's innocent listings, whose paths come back."""
    (folder / "works").mkdir()
    for number in range(logos):
        draw(plan(10_000 * (seed + 1) + number)).save(folder / "works" / f"w{number:04}.png")
    (folder / "listings").mkdir()
    for number, picture in enumerate(generated(listings, seed)):
        (folder / "listings" / f"l{number:04}.jpg").write_bytes(picture)
    return sorted((folder / "listings").iterdir())


def pictures(place: Path, grounds: Sequence[Path], folder: Path, seed: int) -> dict[str, tuple[float, str]]:
    """Write every ground with a logo of each width; by file name the width and the logo."""
    rng = random.Random(seed)
    logos = sorted((place / "works").iterdir())
    truth = {}
    for number, ground in enumerate(grounds):
        for share in _SHARES:
            logo, name = rng.choice(logos), f"{number:04}-{share * 100:.0f}.jpg"
            if pasted(ground, logo, share, rng, folder / name):
                truth[name] = (share, logo.name)
    return truth


def main() -> None:
    """Read the command line, paste, match, print the table by width."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, help="the folder with make_set.py")
    parser.add_argument("--designs", type=Path, help="a folder with art/ and photos/")
    parser.add_argument("--drawn", type=int, help="so many logos of our own on grounds of our own instead")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sets", type=Path, help="where sets are kept; a temporary folder otherwise")
    parser.add_argument("--grounds", type=int, default=100, help="innocent listings that logos are laid on")
    parser.add_argument("--clean", type=int, default=1000, help="innocent listings that stay as they are, at most")
    arguments = parser.parse_args()
    if not arguments.drawn and (arguments.bench is None or arguments.designs is None):
        print("this needs pictures: give --bench (the folder with make_set.py) and --designs (with art/ and photos/), "
              "or --drawn 60")  # fmt: skip
        return
    with tempfile.TemporaryDirectory() as temporary:
        if arguments.drawn:
            place = Path(temporary)
            listings = drawn(arguments.drawn, arguments.grounds + arguments.clean, place, arguments.seed)
        else:
            place = made(arguments.bench, arguments.designs, arguments.seed, arguments.sets or Path(temporary), [])
            listings = innocents(place)
        grounds, clean = listings[: arguments.grounds], listings[arguments.grounds :][: arguments.clean]
        folder = Path(temporary) / "pictures"
        folder.mkdir()
        for ground in clean:
            (folder / ground.name).symlink_to(ground.resolve())
        truth = pictures(place, grounds, folder, arguments.seed)
        found = matched(place / "works", folder, Path(temporary) / "results.jsonl", "--logos")
    first = {name: candidates[0] for name, candidates in found.items() if candidates}
    print(f"{len(list(clean))} pictures without a logo, {sum(1 for one in clean if _alerts(first, one.name))} alert")
    print(f"{'width':>8}{'pictures':>10}{'found':>8}{'ranked first':>14}")
    for share in _SHARES:
        mine = {name: logo for name, (width, logo) in truth.items() if width == share}
        ranked = [name for name, logo in mine.items() if first.get(name, ("", 0.0))[0] == logo]
        shown = [name for name in ranked if _alerts(first, name)]
        print(f"{share:8.0%}{len(mine):10}{len(shown) / len(mine):8.2f}{len(ranked) / len(mine):14.2f}")


def _alerts(first: dict[str, tuple[str, float]], name: str) -> bool:
    return name in first and first[name][1] >= SHIPPED


if __name__ == "__main__":
    main()
