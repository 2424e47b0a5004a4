"""Which points of registered works look like a picture's: an approximate search whose cost hardly grows."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from detectors.features import KEPT, Features, Variants, variants
from detectors.geometry import Pairs

_NEIGHBOURS: Final = 6
_SHORTLIST: Final = 24  # nearest by their short codes, whose distances are then computed exactly
_LISTS_LOOKED_AT: Final = 2
_CODE_BITS: Final = 4  # for each two numbers of a vector: 16 bytes in all, compared in registers
_RATIO: Final = 0.92  # nearer than this share of the distance to another work's nearest point
_FARTHEST: Final = 160.0  # another work's point is seldom farther, however few works there are
_WORKS_EXAMINED: Final = 8
_TRAINED_PER_LIST: Final = 40
_MOST_LISTS: Final = 4096
_LISTS_PER_ROOT: Final = 0.5  # times the root of the points: choosing lists then costs as much as reading them
_LEAST_TRAINED: Final = 1 << 10  # a few works' vectors are repeated up to that many
_MOST_WAITING: Final = 400_000  # points added and not yet in the index: 25 MB
_AT_ONCE: Final = 50_000  # vectors that are given to faiss as floats at a time
_REGROWTH: Final = 2  # lists are laid out anew when the points have grown this many times

_LEAST_PIECE: Final = 100_000  # rows: 7 MB
_COLUMNS: Final = ("vectors", "slots", "features", "flips")
_VECTOR, _SLOT, _FEATURE, _FLIPS = range(4)

Reference = tuple[int, int]  # work id, reference id
# n x 64 uint8, exact; the reference's place in the list; which of its features; 1: mirrored, 2: inverted.
Piece = tuple[NDArray[Any], ...]


class _Rows:
    """Vectors with what each belongs to, row by row, in pieces: one that is mapped from a file stays as it is."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self._starts = np.zeros(0, np.int64)
        self.count = 0

    def append(self, piece: Piece) -> None:
        """Hold further rows; many small pieces become one."""
        if len(self._pieces) > 1 and len(self._pieces[-1][0]) < _LEAST_PIECE:
            last = self._pieces.pop()
            piece = tuple(np.concatenate(both) for both in zip(last, piece, strict=True))
        self._pieces.append(piece)
        ends = np.cumsum([len(one[0]) for one in self._pieces])
        self._starts, self.count = ends - [len(one[0]) for one in self._pieces], int(ends[-1])

    def take(self, column: int, rows: NDArray[np.int64]) -> NDArray[Any]:
        """What stands in a column at these rows."""
        if len(self._pieces) == 1:
            return np.asarray(self._pieces[0][column][rows])
        where = np.searchsorted(self._starts, rows, "right") - 1
        taken = np.empty((len(rows), *self._pieces[0][column].shape[1:]), self._pieces[0][column].dtype)
        for at in np.unique(where):
            here = where == at
            taken[here] = self._pieces[at][column][rows[here] - self._starts[at]]
        return taken

    def column(self, column: int) -> list[NDArray[Any]]:
        """All of a column, in pieces."""
        return [piece[column] for piece in self._pieces]


class FeatureIndex:
    """The features of all references: about 100 bytes a form of a feature, 16 more a feature.

    Short codes choose candidates, the vectors themselves decide among them. What came from a file stays mapped, but
    for the short codes and their row numbers: 24 bytes a form.

    Source: F. Andre et al., Quicker ADC, 2019, by faiss.
    """

    def __init__(self) -> None:
        self._points: dict[int, NDArray[np.float32]] = {}
        self._references: list[Reference | None] = []
        self._work = np.full(1, -1, np.int64)  # by place; -1 at the end, where place -1 points
        self._rows = _Rows()
        self._new: list[tuple[int, Variants]] = []
        self._waiting = 0
        self._index: Any = None  # short codes, of the rows whose work is still held
        self._centres = np.zeros((0, KEPT), np.float32)  # of the lists
        self._lengths = np.zeros(0, np.float32)  # squared
        self._laid_out_for = 0
        self._taking_in = threading.Lock()

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The index that `parts` took apart; what is mapped stays so."""
        import faiss

        index = cls()
        listed = [(int(work), int(reference)) for work, reference in arrays["references"]]
        index._references = [reference if reference[0] >= 0 else None for reference in listed]
        index._work = np.append(arrays["references"][:, 0], np.int64(-1))
        ends = np.cumsum(arrays["counts"])
        for slot, (end, count) in enumerate(zip(ends, arrays["counts"], strict=True)):
            if count:
                index._points[slot] = arrays["points"][end - count : end]
        if len(arrays["codes"]):
            index._rows.append(tuple(arrays[name] for name in _COLUMNS))
            index._search_in(faiss.read_index(faiss.PyCallbackIOReader(_Reading(arrays["codes"]))))  # type: ignore[attr-defined]
        index._laid_out_for = int(arrays["laid_out_for"][0])
        return index

    def parts(self) -> dict[str, list[NDArray[Any]]]:
        """What it is made of, by name, in pieces: no copy of the vectors."""
        self.lay_out()
        points = [self._points.get(slot, np.zeros((0, 4), np.float32)) for slot in range(len(self._references))]
        arrays: dict[str, list[NDArray[Any]]] = {
            "references": [np.array([held or (-1, -1) for held in self._references], np.int64).reshape(-1, 2)],
            "counts": [np.array([len(one) for one in points], np.int64)],
            "points": [np.zeros((0, 4), np.float32), *points],
            "laid_out_for": [np.array([self._laid_out_for])],
            "codes": _written(self._index),
        }
        return arrays | ({name: self._rows.column(at) for at, name in enumerate(_COLUMNS)} if self._index else {})

    @property
    def wasted(self) -> float:
        """Which share of its rows are of removed works; they go when an index is built anew."""
        return 1.0 - self._index.ntotal / self._rows.count if self._rows.count else 0.0

    def add(self, reference: Reference, features: Features) -> None:
        """Hold a reference's features."""
        if len(features):
            forms = variants(features, every=True)
            self._new.append((len(self._references), forms))
            self._points[len(self._references)] = features.points.copy()  # a view would keep a whole file in memory
            self._references.append(reference)
            self._waiting += len(forms.feature)
            if self._waiting > _MOST_WAITING:
                self.lay_out()

    def remove(self, work_id: int) -> None:
        """Forget a work's features."""
        self.lay_out()
        gone = [slot for slot, held in enumerate(self._references) if held is not None and held[0] == work_id]
        for slot in gone:
            self._references[slot] = None
            del self._points[slot]
        if gone:
            self._index.remove_ids(np.flatnonzero(np.isin(self._slots(), gone)).astype(np.int64))

    def _slots(self) -> NDArray[np.int32]:
        """By row, the place of its reference."""
        return np.concatenate(self._rows.column(_SLOT))

    def pairs(self, picture: Features) -> dict[Reference, tuple[Pairs, NDArray[np.intp]]]:
        """For the references with most look-alike points: the pairs, and which of the picture's points each takes."""
        self.lay_out()
        if self._index is None or self._index.ntotal == 0 or not len(picture):
            return {}
        asked = variants(picture, every=False)
        distance, rows = self._nearest(asked.vectors)
        slot = np.where(rows < 0, -1, self._rows.take(_SLOT, rows.ravel()).reshape(rows.shape))
        work = self._work[slot]
        other = np.where(work != work[:, :1], distance, np.inf).min(axis=1)
        other = np.minimum(other, _FARTHEST)[:, None]
        query, rank = np.nonzero((work == work[:, :1]) & (rows >= 0) & (distance < _RATIO * other))
        weight = 1.0 - distance[query, rank] / other[query, 0]
        return self._by_reference(asked, picture, query, rows[query, rank], weight)

    def _nearest(self, asked: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Distances and rows of the nearest vectors, each m x 6; -1 and infinite where there are none."""
        vectors = asked.astype(np.float32)
        lists = self._nearest_lists(vectors)
        _, rows = self._index.search_preassigned(vectors, _SHORTLIST, lists, np.zeros(lists.shape, np.float32))
        held = self._rows.take(_VECTOR, np.maximum(rows, 0).ravel()).astype(np.float32)
        held = held.reshape(*rows.shape, KEPT)
        held -= asked[:, None].astype(np.float32)
        squares = np.where(rows < 0, np.float32(np.inf), np.einsum("qnd,qnd->qn", held, held))
        nearest = np.argsort(squares, axis=1, kind="stable")[:, :_NEIGHBOURS]
        return np.sqrt(np.take_along_axis(squares, nearest, 1)), np.take_along_axis(rows, nearest, 1)

    def _nearest_lists(self, vectors: NDArray[np.float32]) -> NDArray[np.int64]:
        """For each vector the lists to look at: one product of matrices, a seventh of what faiss takes to choose."""
        apart = self._lengths - 2 * (vectors @ self._centres.T)
        each, chosen = np.arange(len(vectors)), np.empty((len(vectors), self._index.nprobe), np.int64)
        for nth in range(self._index.nprobe):
            chosen[:, nth] = apart.argmin(axis=1)
            apart[each, chosen[:, nth]] = np.inf
        return chosen

    def _search_in(self, index: Any) -> None:
        self._index = index
        self._centres = index.quantizer.reconstruct_n(0, index.nlist)
        self._lengths = np.square(self._centres).sum(axis=1)

    def _by_reference(
        self,
        asked: Variants,
        picture: Features,
        query: NDArray[np.intp],
        row: NDArray[np.int64],
        weight: NDArray[np.float64],
    ) -> dict[Reference, tuple[Pairs, NDArray[np.intp]]]:
        slots = self._rows.take(_SLOT, row)
        total = np.bincount(slots, weights=weight, minlength=len(self._references))
        count = np.bincount(slots, minlength=len(self._references))
        found = {}
        for slot in np.argsort(-total, kind="stable")[:_WORKS_EXAMINED]:
            reference = self._references[slot]
            if reference is None or count[slot] < 3:
                continue
            mine = np.flatnonzero(slots == slot)
            own, theirs = self._rows.take(_FEATURE, row[mine]), asked.feature[query[mine]]
            flips = self._rows.take(_FLIPS, row[mine])
            pairs = Pairs(
                self._points[int(slot)][own],
                picture.points[theirs],
                asked.mirrored[query[mine]] ^ (flips & 1).astype(bool),
                asked.inverted[query[mine]] ^ (flips & 2).astype(bool),
                weight[mine],
            )
            found[reference] = (pairs, theirs)
        return found

    def lay_out(self) -> None:
        """Put what was added since the last search into the index, which takes seconds: so not at each add.

        Searches run in threads: whoever comes while another lays out waits, or it would search an index without works.
        """
        with self._taking_in:
            if self._new:
                self._take_in_new()

    def _take_in_new(self) -> None:
        new, self._new, self._waiting = self._new, [], 0
        self._work = np.array([-1 if held is None else held[0] for held in self._references] + [-1], dtype=np.int64)
        first = self._rows.count
        slots = np.concatenate([np.full(len(forms.feature), slot, np.int32) for slot, forms in new])
        features = np.concatenate([forms.feature.astype(np.uint16) for _, forms in new])
        flips = np.concatenate([(forms.mirrored + 2 * forms.inverted).astype(np.uint8) for _, forms in new])
        self._rows.append((np.concatenate([forms.vectors for _, forms in new]), slots, features, flips))
        rows = np.flatnonzero(self._work[slots] >= 0) + first
        if (self._index.ntotal if self._index else 0) + len(rows) > _REGROWTH * self._laid_out_for:
            rows = np.flatnonzero(self._work[self._slots()] >= 0)
            self._search_in(self._lay_out(rows))
            self._laid_out_for = len(rows)
        for at in range(0, len(rows), _AT_ONCE):
            part = rows[at : at + _AT_ONCE]
            self._index.add_with_ids(self._rows.take(_VECTOR, part).astype(np.float32), part)

    def _lay_out(self, rows: NDArray[np.intp]) -> Any:
        """An empty index whose lists and codes suit the vectors of these rows. The same vectors give the same."""
        import faiss  # tens of MB of memory: only a process that searches pays

        lists = max(1, min(_MOST_LISTS, int(_LISTS_PER_ROOT * math.sqrt(len(rows)))))
        index = faiss.IndexIVFPQFastScan(faiss.IndexFlatL2(KEPT), KEPT, lists, KEPT // 2, _CODE_BITS)
        index.by_residual = False  # one table of distances serves all lists
        index.cp.niter = 8
        index.cp.min_points_per_centroid = index.pq.cp.min_points_per_centroid = 1
        sample = np.random.default_rng(0).permutation(rows)[: max(lists * _TRAINED_PER_LIST, _LEAST_TRAINED)]
        sample = np.resize(sample, max(len(sample), _LEAST_TRAINED))
        index.train(self._rows.take(_VECTOR, sample).astype(np.float32))
        index.nprobe = min(lists, _LISTS_LOOKED_AT)
        return index


def _written(index: Any) -> list[NDArray[np.uint8]]:
    """An index of faiss as bytes, in pieces; none of none."""
    import faiss

    pieces = [np.zeros(0, np.uint8)]
    if index:
        writer = faiss.PyCallbackIOWriter(lambda some: pieces.append(np.frombuffer(some, np.uint8)))  # type: ignore[attr-defined]
        faiss.write_index(index, writer)
    return pieces


class _Reading:
    """Reads an array's bytes from its beginning on, some at a time, so that a mapped one is never copied whole."""

    def __init__(self, stored: NDArray[np.uint8]) -> None:
        self._left = stored.data

    def __call__(self, count: int) -> bytes:
        """The next bytes."""
        some, self._left = bytes(self._left[:count]), self._left[count:]
        return some
