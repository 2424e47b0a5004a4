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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from detectors.judge import SHIPPED

_ALERTS = 0.001  # of the innocent listings: at most so many may alert


def made(bench: Path, designs: Path, seed: int, folder: Path, sizes: Sequence[str]) -> Path:
    """The set of a seed; one that stands there already is kept."""
    place = folder / f"set{seed}"
    if not (place / "truth.jsonl").exists():
        script = [str(bench / "make_set.py"), str(place), "--designs", str(designs), "--seed", str(seed)]
        subprocess.run([sys.executable, *script, *sizes], check=True)
    return place


def matched(place: Path) -> dict[str, list[tuple[str, float]]]:
    """The candidates of every listing, best first, by the very command that users run."""
    out = place / "results.jsonl"
    match = ["match", "--works", str(place / "works"), "--images", str(place / "listings"), "--out", str(out)]
    subprocess.run([sys.executable, "-m", "monitor", *match], check=True)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    return {row["image"]: sorted(((work, score) for work, score in row["candidates"]), key=_surest) for row in rows}


def _surest(candidate: tuple[str, float]) -> float:
    return -candidate[1]


def table(place: Path, found: Mapping[str, list[tuple[str, float]]]) -> dict[str, tuple[float, float]]:
    """By edit the recall at one false alert in a thousand and at the shipped threshold; prints the false alerts."""
    truth: list[dict[str, Any]] = [json.loads(line) for line in (place / "truth.jsonl").read_text().splitlines()]
    innocent = sorted((_score(found, row["image"]) for row in truth if row["work"] is None), reverse=True)
    allowed = int(len(innocent) * _ALERTS)
    threshold = innocent[allowed] if allowed < len(innocent) else 0.0
    alerts = sum(score >= SHIPPED for score in innocent)
    print(
        f"{place.name}: threshold {threshold:.3f}; at the shipped {SHIPPED} {alerts} of {len(innocent)} alert falsely"
    )
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
        tables = [table(place, matched(place)) for place in places]
    print(f"\n{'mean of seeds ' + ', '.join(map(str, arguments.seeds)):24}{'recall at 0.001':>18}{'as shipped':>14}")
    for edit in tables[0]:
        print(
            f"{edit:24}" + "".join(f"{_mean([seen[edit][at] for seen in tables]):>{(18, 14)[at]}.3f}" for at in (0, 1))
        )
    overall = [_mean([_mean([pair[at] for pair in seen.values()]) for seen in tables]) for at in (0, 1)]
    print(f"{'mean':24}{overall[0]:18.3f}{overall[1]:14.3f}")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


if __name__ == "__main__":
    main()
