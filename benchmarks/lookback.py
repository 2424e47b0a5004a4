"""What looking back costs and finds. One core, process CPU time (set OPENBLAS_NUM_THREADS=1).

python benchmarks/lookback.py                   one work over 10 million synthetic hashes; recall beside the cascade's;
                                                what a picture costs that was judged before
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from random import Random

import cv2
import faiss
import numpy as np
from numpy.typing import NDArray

from detectors.describe import describe, describe_reference
from detectors.errors import DetectorError
from detectors.glance import glance
from detectors.judge import judge
from detectors.pdq import near
from detectors.twins import Twins
from detectors.works import WorksIndex
from monitor.demo.catalogue import make_catalogue
from monitor.demo.drawings import draw
from monitor.demo.edits import EDITS
from monitor.innocents import generated, jpeg
from monitor.lookback import RADIUS_BITS
from storage.lookback import ROW_BYTES


def search(rows: int) -> None:
    """Print what one work costs over so many pictures, their hashes in a mapped file as the program keeps them."""
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hashes"
        with path.open("wb") as file:
            for first in range(0, rows, 1_000_000):
                file.write(rng.bytes(min(1_000_000, rows - first) * ROW_BYTES))
        stored = np.memmap(path, np.uint8, "r", shape=(rows, ROW_BYTES))
        queries = [rng.bytes(32) for _ in range(15)] + [stored[rows // 2, :32].tobytes()]
        started = time.process_time()
        found = near(stored, queries, RADIUS_BITS)
        spent = time.process_time() - started
        print(f"one work, 16 hashes, over {rows:,} pictures: {spent:.2f} s, planted copy found: {rows // 2 in found}")


def recall(works: int, seed: int) -> None:
    """Print by edit what hashes alone, hashes and thumbnails, and the cascade find of the same copies."""
    catalogue = make_catalogue(seed, works=works, listings=30, sellers=8)
    index = WorksIndex()
    for number, work in enumerate(catalogue.works):
        index.add(number, number, describe_reference(catalogue.reference(work)))
    asked = [glance(catalogue.reference(work)).orientations() for work in catalogue.works]
    designs = [draw(work.design) for work in catalogue.works]
    print(f"\n{works} works, one copy each by each edit, seed {seed}")
    print(f"{'edit':18}{'hashes':>8}{'look back':>11}{'cascade':>9}")
    total = np.zeros(3)
    for name, edit in EDITS.items():
        found = np.zeros(3)
        for number, design in enumerate(designs):
            copy = jpeg(edit(design, Random(f"{name} {number} {seed}")))
            seen = glance(copy)
            row = np.frombuffer(b"".join(seen.hashes()), np.uint8).reshape(1, ROW_BYTES)
            hashed = bool(near(row, asked[number], RADIUS_BITS))
            found += [hashed, hashed and _shows(index, seen.thumbnail(), number), _shows(index, copy, number)]
        total += found
        _row(name, found / works)
    _row("mean", total / works / len(EDITS))
    innocent = [b"".join(glance(picture).hashes()) for picture in generated(200, seed)]
    rows = np.frombuffer(b"".join(innocent), np.uint8).reshape(-1, ROW_BYTES)
    came = sum(len(near(rows, queries, RADIUS_BITS)) for queries in asked)
    print(f"of 200 innocent pictures {came / works:.2f} come near a work and are checked in vain, on average")


def _row(name: str, shares: NDArray[np.float64]) -> None:
    print(f"{name:18}{shares[0]:8.2f}{shares[1]:11.2f}{shares[2]:9.2f}")


def _shows(index: WorksIndex, picture: bytes, work_id: int) -> bool:
    try:
        return any(verdict.work_id == work_id for verdict in judge(index.matches(describe(picture))))
    except DetectorError:
        return False


def twins(pictures: int) -> None:
    """Print what a picture costs that was judged before in another compression."""
    catalogue = make_catalogue(1, works=pictures, listings=30, sellers=8)
    drawn = [EDITS["inset"](draw(work.design), Random(number)) for number, work in enumerate(catalogue.works)]
    known = Twins[int](5_000)
    for number, picture in enumerate(drawn):
        known.add(glance(jpeg(picture)), number)
    files = [jpeg(picture, 60) for picture in drawn]
    started = time.process_time()
    found = [known.find(glance(file)) for file in files]
    spent = (time.process_time() - started) / pictures * 1e3
    again = sum(name == number for number, name in enumerate(found))
    print(f"\na judged picture of 800 px compressed anew: {spent:.1f} ms, known again: {again} of {pictures}")


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="pictures ever seen")
    parser.add_argument("--works", type=int, default=12, help="works whose copies are looked for")
    parser.add_argument("--seed", type=int, default=3)
    arguments = parser.parse_args()
    faiss.omp_set_num_threads(1)
    cv2.setNumThreads(1)
    search(arguments.rows)
    twins(20)
    recall(arguments.works, arguments.seed)


if __name__ == "__main__":
    main()
