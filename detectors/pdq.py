"""PDQ: 256 bits by which pictures are exchanged between services, here in a few matrix products."""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

BYTES: Final = 32
_GRID: Final = 64
_WAVES: Final = 16
_ROWS_AT_ONCE: Final = 1 << 14  # 1 MB, which all queries find in the processor's cache
_ROWS_A_TASK: Final = 1 << 20
_LUMA: Final = np.array([0.299, 0.587, 0.114], np.float32)

Field = NDArray[np.float32]


def pdq(picture: NDArray[Any]) -> bytes:
    """The 32 bytes of Meta's PDQ, most significant bit first, as its hexadecimal form is written.

    Over 200 generated pictures of 64 to 512 px, all bits are those of the binding ``pdqhash`` 0.2.8.

    Args:
        picture: height x width grey or height x width x 3 RGB, 0 to 255; the larger, the slower.

    Source: ThreatExchange, "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm", 2019.
    """
    return _bits(_coefficients(picture))


def orientations(picture: NDArray[Any]) -> list[bytes]:
    """The hashes of a picture in all eight orientations, in the order of ``detectors.describe.orient``.

    Each is that of the turned picture itself: PDQ samples a little off centre, so that turning its waves instead would
    be some twenty bits off.
    """
    return [pdq(np.rot90(seen, turns)) for seen in (picture, picture[:, ::-1]) for turns in range(4)]


def luma(picture: NDArray[Any]) -> Field:
    """height x width: the grey that PDQ sees in height x width x 3 RGB."""
    return np.asarray(picture.astype(np.float32) @ _LUMA, np.float32)


def _coefficients(picture: NDArray[Any]) -> Field:
    """16 x 16: the picture's waves 1 to 16 down and across."""
    grey = picture.astype(np.float32, copy=False) if picture.ndim == 2 else luma(picture)
    height, width = grey.shape
    if (height, width) == (_GRID, _GRID):  # PDQ takes such a picture as reduced already
        return np.asarray(_cosines() @ grey @ _cosines().T, np.float32)
    return np.asarray(_reduction(height) @ grey @ _reduction(width).T, np.float32)


def _bits(waves: Field) -> bytes:
    middle = np.partition(waves, waves.size // 2 - 1, axis=None)[waves.size // 2 - 1]
    return np.packbits((waves > middle).reshape(-1)[::-1]).tobytes()


@functools.lru_cache(maxsize=1024)
def _reduction(size: int) -> Field:
    """16 x size: blur twice, sample 64 places, take the waves, in one matrix; PDQ does so along both sides alike."""
    blur = _blur(size)
    places = ((np.arange(_GRID) + 0.5) * size / _GRID).astype(np.intp)
    return np.asarray(_cosines() @ blur[places] @ blur, np.float32)


def _blur(size: int) -> NDArray[np.float64]:
    """size x size: the mean over a window, cut off at the ends."""
    window = (size + 2 * _GRID - 1) // (2 * _GRID)
    half = (window + 2) // 2
    at = np.arange(size)
    first, last = np.maximum(at - window + half, 0), np.minimum(at + half - 1, size - 1)
    inside = (at >= first[:, None]) & (at <= last[:, None])
    return np.asarray(inside / inside.sum(axis=1, keepdims=True))


@functools.cache
def _cosines() -> Field:
    waves, places = np.arange(1, _WAVES + 1)[:, None], 2 * np.arange(_GRID) + 1
    return np.asarray(np.sqrt(2 / _GRID) * np.cos(np.pi / 2 / _GRID * waves * places), np.float32)


def near(stored: NDArray[np.uint8], queries: Sequence[bytes], radius_bits: int) -> dict[int, int]:
    """Rows that come within a radius of any query, and how many bits apart. Exact: every row is looked at.

    16 queries over 10 million rows take 0.9 s of CPU, on all cores; a memory-mapped file is read where it lies.

    Args:
        stored: n x 64 uint8, contiguous: two hashes a row; a row of zeros is empty.
        queries: Hashes of 32 bytes.
    """
    faiss: Any = importlib.import_module("faiss")  # tens of MB of memory: only a process that searches pays
    asked = np.frombuffer(b"".join(queries), np.uint8).reshape(-1, BYTES)

    def search(first: int) -> dict[int, int]:
        best: dict[int, int] = {}
        for at in range(first, min(first + _ROWS_A_TASK, len(stored)), _ROWS_AT_ONCE):
            _search(faiss, stored[at : at + _ROWS_AT_ONCE], asked, radius_bits, at, best)
        return best

    if len(stored) <= _ROWS_A_TASK:
        return search(0)
    # faiss's own threads would wait for one another at each of these small steps.
    with ThreadPoolExecutor(os.cpu_count(), initializer=lambda: faiss.omp_set_num_threads(1)) as cores:
        found: dict[int, int] = {}
        for best in cores.map(search, range(0, len(stored), _ROWS_A_TASK)):
            found |= best
    return found


def _search(
    faiss: Any, part: NDArray[np.uint8], asked: NDArray[np.uint8], radius_bits: int, first: int, best: dict[int, int]
) -> None:
    hashes = part.reshape(-1, BYTES)
    found = faiss.RangeSearchResult(len(asked))
    faiss.hamming_range_search(
        faiss.swig_ptr(asked), faiss.swig_ptr(hashes), len(asked), len(hashes), radius_bits + 1, BYTES, found
    )  # faiss: below the radius
    count = int(faiss.rev_swig_ptr(found.lims, len(asked) + 1)[-1])
    if not count:
        return
    rows, bits = faiss.rev_swig_ptr(found.labels, count), faiss.rev_swig_ptr(found.distances, count)
    for row, apart in zip((rows // 2 + first).tolist(), bits.astype(int).tolist(), strict=True):
        best[row] = min(apart, best.get(row, apart))
