"""What finding copies costs and finds. One core, process CPU time (set OPENBLAS_NUM_THREADS=1).

python benchmarks/detect.py                     images a second, first look, beside plain imagehash; the whole
                                                cascade beside SIFT alone and beside SIFT + RANSAC against each work
python benchmarks/detect.py --works 100 1000 10000 100000   how cost and memory grow (works beyond 60 are stand-ins)
python benchmarks/detect.py --set DIR --out F   matches a set of ../shared/bench/make_set.py; score.py reads F
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import faiss
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from config.settings import load
from detectors.describe import Description, describe, describe_reference
from detectors.errors import DetectorError
from detectors.features import Features
from detectors.glance import glance
from detectors.judge import judge
from detectors.model import Fingerprint
from detectors.pdq import BYTES, near
from detectors.works import WorksIndex
from monitor import posix
from monitor.lookback import RADIUS_BITS
from storage.arrays import KeptArrays

_UNFILED = 2_000  # works, or a third as many as are mapped, that come into memory before they are; see monitor/works.py


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


def remembered(fingerprints: int) -> NDArray[np.uint8]:
    """What look-back keeps of half as many pictures, of noise: n x 64, the hashes of the whole and of the content."""
    return np.random.default_rng(1).integers(0, 256, (fingerprints // 2, 2 * BYTES), dtype=np.uint8)


def cpu_ms(work: Callable[[bytes], object], files: Sequence[bytes]) -> float:
    """Process CPU milliseconds a file, the best of three rounds: neighbours on the machine only ever add."""
    return min(_round_ms(work, files) for _ in range(3))


def _round_ms(work: Callable[[bytes], object], files: Sequence[bytes]) -> float:
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
    row("decode + fingerprint", cpu_ms(lambda file: glance(file).hashes(), files))
    for held in (1_000, 100_000):
        known = remembered(held)
        ms = cpu_ms(lambda file, known=known: near(known, glance(file).hashes(), RADIUS_BITS), files)
        row(f"decode + fingerprint + index of {held:,}", ms)


def _plain_phash(file: bytes) -> object:
    return imagehash.phash(Image.open(io.BytesIO(file)))


def cascade_speed(pictures: int, counts: Sequence[int]) -> None:
    """Print what the whole cascade costs beside OpenCV's SIFT alone, in turns so that both meet the same machine."""
    files = [jpeg(placed(seed)) for seed in range(pictures)]
    greys = [_grey(file) for file in files]
    started = time.process_time()
    known = [describe_reference(jpeg(drawing(seed))) for seed in range(min(counts[-1], 60))]
    print(f"\nregistering a work: {(time.process_time() - started) / len(known) * 1e3:.0f} ms")
    print(f"{'works':>8}{'SIFT alone, ms':>16}{'describe, ms':>14}{'match, ms':>11}{'whole / SIFT':>14}"
          f"{'own, MB':>9}{'+ mapped':>10}{'at most':>9}{'adding, s':>11}")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        works = _StandIns(known, Path(folder))
        for count in counts:
            started = time.process_time()
            works.grow(count)
            adding = time.process_time() - started
            sift, described, matched = _in_turns(files, greys, works.index)
            costs = f"{count:8,}{sift:16.1f}{described:14.1f}{matched:11.1f}{(described + matched) / sift:14.2f}"
            own, whole, most = (_memory_mb(name) for name in ("RssAnon", "VmRSS", "VmHWM"))
            print(f"{costs}{own:9.0f}{whole:10.0f}{most:9.0f}{adding:11.0f}", flush=True)


class _StandIns:
    """Many works in an index that is written to a file and mapped from it, some at a time, as by `monitor.works`."""

    def __init__(self, known: Sequence[Description], folder: Path) -> None:
        self.index = WorksIndex()
        self._files = KeptArrays(folder, WorksIndex.made_by())
        self._known = known
        self._rng = np.random.default_rng(2)
        self._held = self._mapped = 0
        self._whole = load(Path(), {}).detection.references_whole  # of further ones the hashes alone

    def grow(self, count: int) -> None:
        """Hold so many works."""
        while self._held < count:
            self._add()
            if self._held == count or self._held - self._mapped == max(_UNFILED, self._mapped // 3):
                self._map()

    def _map(self) -> None:
        self.index.lay_out()
        self._files.release()
        self._files.keep(1, self.index.parts())
        self.index = WorksIndex()
        posix.return_memory()
        arrays = self._files.newest()
        if arrays is None:
            raise OSError("what was written is not whole; look at the disk")
        self.index = WorksIndex.of(arrays)
        self._files.release()
        self._mapped = self._held

    def _add(self) -> None:
        one, by_hashes = self._known[self._held % len(self._known)], self.index.held_whole >= self._whole
        if self._held >= len(self._known):
            one = (
                dataclasses.replace(one, fingerprints=other_hashes(one, self._rng))
                if by_hashes
                else another(one, self._rng)
            )
        self.index.add(self._held, 1, one, by_hashes=by_hashes)
        self._held += 1


def brute_force(pictures: int, works: int) -> None:
    """Print what SIFT + RANSAC against every work costs: what the index saves."""
    sift, matcher = cv2.SIFT_create(nfeatures=400), cv2.BFMatcher()
    known = [sift.detectAndCompute(_grey(jpeg(drawing(seed))), None) for seed in range(works)]
    files = [jpeg(placed(seed)) for seed in range(pictures)]
    spent = cpu_ms(lambda file: _against_all(sift, matcher, file, known[:1]), files)
    against = cpu_ms(lambda file: _against_all(sift, matcher, file, known), files)
    each = (against - spent) / (works - 1)
    print(f"SIFT + RANSAC against each of {works} works (peer): {against:.0f} ms a picture, {each:.1f} a further work")


def _grey(file: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(file)).convert("L").resize((480, 480)))


def _against_all(sift: cv2.Feature2D, matcher: cv2.BFMatcher, file: bytes, known: Sequence[Any]) -> int:
    seen = sift.detectAndCompute(_grey(file), None)
    return max(_homography(matcher, seen, one) for one in known)


def _homography(matcher: cv2.BFMatcher, seen: Any, known: Any) -> int:
    """How many points agree on one homography."""
    pairs = [pair for pair in matcher.knnMatch(seen[1], known[1], k=2) if len(pair) == 2]
    good = [first for first, second in pairs if first.distance < 0.8 * second.distance]
    if len(good) < 4:
        return 0
    here = np.array([seen[0][pair.queryIdx].pt for pair in good], np.float32)
    there = np.array([known[0][pair.trainIdx].pt for pair in good], np.float32)
    _, inside = cv2.findHomography(there, here, cv2.RANSAC, 8.0)
    return 0 if inside is None else int(inside.sum())


def _in_turns(files: Sequence[bytes], greys: Sequence[NDArray[np.uint8]], index: WorksIndex) -> tuple[float, ...]:
    sift = cv2.SIFT_create(nfeatures=400)
    spent = [0.0, 0.0, 0.0]
    for file, grey in zip(files, greys, strict=True):
        times = [time.process_time()]
        sift.detectAndCompute(grey, None)
        times.append(time.process_time())
        description = describe(file)
        times.append(time.process_time())
        judge(index.matches(description))
        times.append(time.process_time())
        spent = [total + after - before for total, before, after in zip(spent, times, times[1:], strict=False)]
    return tuple(total / len(files) * 1e3 for total in spent)


def placed(seed: int) -> Image.Image:
    """A listing's picture: a drawing, of a registered work's in one of two, on a plain or a drawn-over ground."""
    rng = random.Random(seed)
    picture = drawing(seed + 500) if seed % 3 == 0 else Image.new("RGB", (800, 800), (230, rng.randrange(256), 200))
    side = rng.randint(380, 760)
    design = drawing(seed if seed % 2 else seed + 700, side)
    picture.paste(design, (rng.randint(0, 800 - side), rng.randint(0, 800 - side)))
    return picture


def another(description: Description, rng: np.random.Generator) -> Description:
    """A stand-in for one more work: as many points, each looking otherwise."""
    features = description.features
    shuffled = features.descriptors.reshape(-1, 4, 4, 8)[:, rng.permutation(4)][:, :, rng.permutation(4)]
    noise = rng.integers(-12, 13, shuffled.shape, np.int16)
    other = (shuffled + noise).clip(0, 255).astype(np.uint8).reshape(-1, 128)
    return dataclasses.replace(
        description, fingerprints=other_hashes(description, rng), features=Features(features.points, other)
    )


def other_hashes(description: Description, rng: np.random.Generator) -> tuple[Fingerprint, ...]:
    """As many fingerprints, of noise."""
    return tuple(dataclasses.replace(f, bits=rng.bytes(BYTES)) for f in description.fingerprints)


def _memory_mb(name: str) -> float:
    """This process's memory, by a name in /proc; not a number where there is none."""
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    line = next(line for line in status.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024


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
    parser.add_argument(
        "--works", type=int, nargs="+", default=[100, 1_000], help="numbers of works, rising, up to 100000"
    )
    arguments = parser.parse_args()
    faiss.omp_set_num_threads(1)
    cv2.setNumThreads(1)
    if arguments.set:
        match_set(arguments.set, arguments.out)
        return
    speed(arguments.pictures)
    cascade_speed(arguments.pictures // 4, arguments.works)
    brute_force(pictures=4, works=20)


if __name__ == "__main__":
    main()
