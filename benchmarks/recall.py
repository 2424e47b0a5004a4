"""What is found of copies as sellers make them, by edit, on sets of `make_set.py`, by `bazaarwatch match`.

python benchmarks/recall.py --bench ../shared/bench --designs ../shared/designs --seeds 1 2 3
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import imagehash
import numpy as np
from PIL import Image

from detectors.decode import decode_image
from detectors.judge import SHIPPED
from detectors.pdq import pdq

_ALERTS = 0.001  # of the innocent listings: at most so many may alert


def made(bench: Path, designs: Path, seed: int, folder: Path, sizes: Sequence[str]) -> Path:
    """The set of a seed; one that stands there already is kept."""
    place = folder / f"set{seed}"
    if not (place / "truth.jsonl").exists():
        script = [str(bench / "make_set.py"), str(place), "--designs", str(designs), "--seed", str(seed)]
        subprocess.run([sys.executable, *script, *sizes], check=True)
    return place


def matched(works: Path, images: Path, out: Path, *options: str) -> dict[str, list[tuple[str, float]]]:
    """The candidates of every picture, best first, by the very command that users run."""
    match = ["match", "--works", str(works), "--images", str(images), "--out", str(out), *options]
    subprocess.run([sys.executable, "-m", "monitor", *match], check=True)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    return {row["image"]: sorted(((work, score) for work, score in row["candidates"]), key=_surest) for row in rows}


def nearest(place: Path, hashed: Callable[[Image.Image], bytes]) -> dict[str, list[tuple[str, float]]]:
    """The work whose hash is nearest to each listing's: what a plain perceptual hash finds. Surer is 1, far is 0."""
    works = sorted((place / "works").iterdir())
    known = np.stack([np.frombuffer(hashed(_on_white(path)), np.uint8) for path in works])
    found = {}
    for path in sorted((place / "listings").iterdir()):
        apart = np.bitwise_count(known ^ np.frombuffer(hashed(_on_white(path)), np.uint8)).sum(axis=1)
        best = int(apart.argmin())
        found[path.name] = [(works[best].name, 1.0 - float(apart[best]) / known.shape[1] / 8)]
    return found


def _on_white(path: Path) -> Image.Image:
    return decode_image(path.read_bytes(), 512)


def _phash64(image: Image.Image) -> bytes:
    return np.packbits(imagehash.phash(image).hash).tobytes()


def _pdq(image: Image.Image) -> bytes:
    return pdq(np.asarray(image))


BASELINES: Final = {"pHash, 64 bits": _phash64, "PDQ": _pdq}


def _surest(candidate: tuple[str, float]) -> float:
    return -candidate[1]


def table(place: Path, found: Mapping[str, list[tuple[str, float]]]) -> dict[str, tuple[float, float]]:
    """By edit the recall at one false alert in a thousand and at the shipped threshold."""
    truth, innocent = _truth(place), _innocent(place, found)
    allowed = int(len(innocent) * _ALERTS)
    threshold = innocent[allowed] if allowed < len(innocent) else 0.0
    hits: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for row in truth:
        if row["work"] is not None:
            right = found.get(row["image"], [])[:1]
            score = right[0][1] if right and right[0][0] == row["work"] else 0.0
            hits[row["edit"]].append((score > threshold, score >= SHIPPED))
    return {
        edit: (sum(at for at, _ in seen) / len(seen), sum(at for _, at in seen) / len(seen))
        for edit, seen in hits.items()
    }


def _truth(place: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (place / "truth.jsonl").read_text().splitlines()]


def _innocent(place: Path, found: Mapping[str, list[tuple[str, float]]]) -> list[float]:
    """The best score of each listing that shows no work, the highest first."""
    return sorted((_score(found, row["image"]) for row in _truth(place) if row["work"] is None), reverse=True)


def innocents(place: Path) -> list[Path]:
    """The listing pictures that show no work."""
    return [place / "listings" / row["image"] for row in _truth(place) if row["work"] is None]


def _score(found: Mapping[str, list[tuple[str, float]]], image: str) -> float:
    candidates = found.get(image, [])
    return candidates[0][1] if candidates else 0.0


def main() -> None:
    """Read the command line, make and match the sets, print the table by edit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, help="the folder with make_set.py")
    parser.add_argument("--designs", type=Path, help="a folder with art/ and photos/")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--sets", type=Path, help="where sets are kept; a temporary folder otherwise")
    parser.add_argument("--per-edit", default="40", help="copies an edit")
    parser.add_argument("--distractors", default="1500", help="innocent listings")
    arguments = parser.parse_args()
    if arguments.bench is None or arguments.designs is None:
        print("recall needs pictures: give --bench (the folder with make_set.py) and --designs (with art/ and photos/)")
        return
    sizes = ["--per-edit", arguments.per_edit, "--distractors", arguments.distractors]
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.sets or Path(temporary)
        places = [made(arguments.bench, arguments.designs, seed, folder, sizes) for seed in arguments.seeds]
        found = [matched(place / "works", place / "listings", place / "results.jsonl") for place in places]
        for place, of_place in zip(places, found, strict=True):
            scores = _innocent(place, of_place)
            print(f"{place.name}: {sum(score >= SHIPPED for score in scores)} of {len(scores)} innocents alert")
        tables = [table(place, of_place) for place, of_place in zip(places, found, strict=True)]
        plain = [[table(place, nearest(place, hashed)) for place in places] for hashed in BASELINES.values()]
    columns = [("recall at 0.001", tables, 0), ("as shipped", tables, 1)]
    columns += [(name, of_hash, 0) for name, of_hash in zip(BASELINES, plain, strict=True)]
    print(f"\n{'mean of seeds ' + ', '.join(map(str, arguments.seeds)):24}" + "".join(f"{c[0]:>18}" for c in columns))
    by_edit = {edit: [_mean([seen[edit][at] for seen in runs]) for _, runs, at in columns] for edit in tables[0]}
    for edit, values in {**by_edit, "mean": [_mean(column) for column in zip(*by_edit.values(), strict=True)]}.items():
        print(f"{edit:24}" + "".join(f"{value:18.3f}" for value in values))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


if __name__ == "__main__":
    main()
