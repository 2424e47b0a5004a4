"""What finding copies costs and finds. One core, process CPU time (set OPENBLAS_NUM_THREADS=1).

python benchmarks/detect.py                     images a second, narrow path, beside plain imagehash
python benchmarks/detect.py --set DIR --out F   matches a set of ../shared/bench/make_set.py; score.py reads F
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import faiss
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from detectors.describe import Description, describe, describe_reference, sketch
from detectors.errors import DetectorError
from detectors.features import Features
from detectors.hasher import CODE_BYTES, hashers
from detectors.judge import judge
from detectors.model import Fingerprint
from detectors.works import WorksIndex


def drawing(seed: int, side_px: int = 800) -> Image.Image:
    """A drawing of overlapping shapes, dots and lines on white, always the same for a seed."""
    rng = random.Random(seed)
    image = Image.new("RGB", (side_px, side_px), "white")
    pen = ImageDraw.Draw(image)
    for _ in range(60):
        x, y = rng.uniform(0.1, 0.9) * side_px, rng.uniform(0.1, 0.9) * side_px
        r = rng.uniform(0.01, 0.14) * side_px
        colour = (rng.randrange(256), rng.randrange(256), rng.randrange(256))
        kind = rng.randrange(4)
        if kind == 0:
            pen.ellipse((x - r, y - r * 0.7, x + r, y + r * 0.7), fill=colour, outline="black", width=3)
        elif kind == 1:
            corners = [(x + rng.uniform(-r, r), y + rng.uniform(-r, r)) for _ in range(rng.randint(3, 6))]
            pen.polygon(corners, fill=colour, outline="black")
        elif kind == 2:
            pen.line((x - r, y, x + rng.uniform(-r, r), y + r), fill=colour, width=rng.randint(2, 9))
        else:
            pen.arc((x - r, y - r, x + r, y + r), rng.randrange(360), rng.randrange(360), fill=colour, width=5)
    return image


def jpeg(image: Image.Image, quality: int = 85) -> bytes:
    """The picture as a JPEG file's bytes."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def filled_index(fingerprints: int) -> WorksIndex:
    """An index of random fingerprints: as many of each hasher, one to a work."""
    rng = np.random.default_rng(1)
    index = WorksIndex()
    for work_id in range(0, fingerprints, 1000):
        codes = rng.integers(0, 256, (1000, CODE_BYTES), dtype=np.uint8)
        held = [
            Fingerprint(hasher.name, hasher.version, code.tobytes()) for hasher in hashers().values() for code in codes
        ]
        index.add(work_id, 1, Description((256, 256), tuple(held)))
    return index


def cpu_ms(work: Callable[[bytes], object], files: Sequence[bytes]) -> float:
    """Process CPU milliseconds a file, after one run to warm up."""
    work(files[0])
    started = time.process_time()
    for file in files:
        work(file)
    return (time.process_time() - started) / len(files) * 1e3


def speed(pictures: int) -> None:
    """Print the table of costs."""
    files = [jpeg(drawing(seed)) for seed in range(pictures)]
    print(
        f"{pictures} JPEGs of 800 px, {sum(map(len, files)) / len(files) / 1024:.0f} KB on average; one core, CPU time"
    )
    print(f"{'':58}{'ms':>8}{'images/s':>10}")

    def row(name: str, ms: float) -> None:
        print(f"{name:58}{ms:8.2f}{1000 / ms:10.0f}")

    row("imagehash.phash on the undecimated picture (peer)", cpu_ms(_plain_phash, files))
    row("decode + fingerprint", cpu_ms(describe, files))
    for held in (1_000, 100_000):
        index = filled_index(held)
        row(
            f"decode + fingerprint + index of {held:,}",
            cpu_ms(lambda file, at=index: at.matches(describe(file)), files),
        )


def _plain_phash(file: bytes) -> object:
    return imagehash.phash(Image.open(io.BytesIO(file)))


def match_set(folder: Path, out: Path) -> None:
    """Match every listing of a benchmark set against its works, as ``bazaarwatch match`` does, and print the costs."""
    works = sorted((folder / "works").iterdir())
    index = WorksIndex()
    started = time.process_time()
    for work_id, path in enumerate(works):
        try:
            index.add(work_id, 1, describe_reference(path.read_bytes()))
        except DetectorError as error:
            print(f"{path.name} is refused: {error}")
    registering = time.process_time() - started
    listings = sorted((folder / "listings").iterdir())
    started = time.process_time()
    with out.open("w") as file:
        for line in _candidates(listings, works, index):
            file.write(line + "\n")
    examining = time.process_time() - started
    print(f"{registering / len(works) * 1e3:.1f} ms a work, {examining / len(listings) * 1e3:.1f} ms a listing")


def _candidates(listings: Sequence[Path], works: Sequence[Path], index: WorksIndex) -> Iterator[str]:
    for path in listings:
        try:
            verdicts = judge(index.matches(describe(path.read_bytes())), least=0.0)
        except DetectorError:
            verdicts = []
        candidates = [[works[verdict.work_id].name, verdict.score] for verdict in verdicts[:10]]
        yield json.dumps({"image": path.name, "candidates": candidates})


def main() -> None:
    """Read the command line and run one of the two benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", type=Path, help="a folder made by make_set.py")
    parser.add_argument("--out", type=Path, default=Path("results.jsonl"), help="where the matches of --set go")
    parser.add_argument("--pictures", type=int, default=200, help="how many drawings the costs are averaged over")
    parser.add_argument("--works", type=int, nargs="+", default=[100, 1_000], help="numbers of works, rising")
    arguments = parser.parse_args()
    faiss.omp_set_num_threads(1)
    cv2.setNumThreads(1)
    if arguments.set:
        match_set(arguments.set, arguments.out)
        return
    speed(arguments.pictures)
    cascade_speed(arguments.pictures // 4, arguments.works)


if __name__ == "__main__":
    main()
