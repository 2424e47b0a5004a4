"""Which points of registered works look like a picture's: an approximate search whose cost hardly grows."""

from __future__ import annotations

import math
import threading
from typing import Any, Final

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
_REGROWTH: Final = 4  # lists are laid out anew when the points have grown this many times

Reference = tuple[int, int]  # work id, reference id


class FeatureIndex:
    """The features of all references, in memory: about 100 bytes a form of a feature, 16 more a feature.

    Short codes choose candidates, the vectors themselves decide among them.

    Source: F. Andre et al., Quicker ADC, 2019, by faiss.
    """

    def __init__(self) -> None:
        self._points: dict[int, NDArray[np.float32]] = {}
        self._references: list[Reference | None] = []
        self._work = np.full(1, -1, np.int64)  # by place; -1 at the end, where place -1 points
        self._slot = np.zeros(0, np.int32)  # by row: the reference's place in the list
        self._feature = np.zeros(0, np.uint16)
        self._flips = np.zeros(0, np.uint8)  # 1: mirrored, 2: inverted
        self._vectors: Any = None  # by row, exact
        self._new: list[tuple[int, Variants]] = []
        self._waiting = 0
        self._index: Any = None  # short codes, of the rows whose work is still held
        self._refined: Any = None
        self._laid_out_for = 0
        self._taking_in = threading.Lock()

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
        rows = np.flatnonzero(np.isin(self._slot, gone)).astype(np.int64)
        if len(rows):
            self._index.remove_ids(rows)

    def pairs(self, picture: Features) -> dict[Reference, tuple[Pairs, NDArray[np.intp]]]:
        """For the references with most look-alike points: the pairs, and which of the picture's points each takes."""
        self.lay_out()
        if self._index is None or self._index.ntotal == 0 or not len(picture):
            return {}
        asked = variants(picture, every=False)
        distance, rows = self._nearest(asked.vectors)
        slot = np.where(rows < 0, -1, self._slot[rows])
        work = self._work[slot]
        other = np.where(work != work[:, :1], distance, np.inf).min(axis=1)
        other = np.minimum(other, _FARTHEST)[:, None]
        query, rank = np.nonzero((work == work[:, :1]) & (rows >= 0) & (distance < _RATIO * other))
        weight = 1.0 - distance[query, rank] / other[query, 0]
        return self._by_reference(asked, picture, query, rows[query, rank], weight)

    def _nearest(self, asked: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Distances and rows of the nearest vectors, each m x 6; -1 and infinite where there are none."""
        squares, rows = self._refined.search(asked.astype(np.float32), _NEIGHBOURS)
        return np.where(rows < 0, np.float32(np.inf), np.sqrt(np.maximum(squares, 0.0))), rows

    def _by_reference(
        self,
        asked: Variants,
        picture: Features,
        query: NDArray[np.intp],
        row: NDArray[np.int64],
        weight: NDArray[np.float64],
    ) -> dict[Reference, tuple[Pairs, NDArray[np.intp]]]:
        slots = self._slot[row]
        total = np.bincount(slots, weights=weight, minlength=len(self._references))
        count = np.bincount(slots, minlength=len(self._references))
        found = {}
        for slot in np.argsort(-total, kind="stable")[:_WORKS_EXAMINED]:
            reference = self._references[slot]
            if reference is None or count[slot] < 3:
                continue
            mine = np.flatnonzero(slots == slot)
            own, theirs = self._feature[row[mine]], asked.feature[query[mine]]
            flips = self._flips[row[mine]]
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
        import faiss  # tens of MB of memory: only a process that searches pays

        new, self._new, self._waiting = self._new, [], 0
        self._work = np.array([-1 if held is None else held[0] for held in self._references] + [-1], dtype=np.int64)
        first = len(self._slot)
        self._slot = np.concatenate([self._slot, *(np.full(len(v.feature), slot, np.int32) for slot, v in new)])
        self._feature = np.concatenate([self._feature, *(v.feature.astype(np.uint16) for _, v in new)])
        self._flips = np.concatenate([self._flips, *((v.mirrored + 2 * v.inverted).astype(np.uint8) for _, v in new)])
        if self._vectors is None:
            self._vectors = faiss.IndexScalarQuantizer(KEPT, faiss.ScalarQuantizer.QT_8bit_direct)
        for _, forms in new:
            self._vectors.add(forms.vectors.astype(np.float32))
        rows = np.flatnonzero(self._work[self._slot] >= 0)
        if len(rows) > _REGROWTH * self._laid_out_for:
            self._index, self._laid_out_for = self._lay_out(rows), len(rows)
        else:
            rows = rows[rows >= first]
        for at in range(0, len(rows), _AT_ONCE):
            part = rows[at : at + _AT_ONCE]
            self._index.add_with_ids(self._vectors.reconstruct_batch(part), part)
        self._refined = faiss.IndexRefine(faiss.IndexFlatL2(KEPT), faiss.IndexFlatL2(KEPT))
        # Not given to the constructor, which wants as many rows in both: those of removed works are in one alone.
        self._refined.base_index, self._refined.refine_index = self._index, self._vectors
        self._refined.ntotal, self._refined.k_factor = self._vectors.ntotal, _SHORTLIST / _NEIGHBOURS

    def _lay_out(self, rows: NDArray[np.intp]) -> Any:
        """An empty index whose lists and codes suit the vectors of these rows. The same vectors give the same."""
        import faiss

        lists = max(1, min(_MOST_LISTS, int(_LISTS_PER_ROOT * math.sqrt(len(rows)))))
        index = faiss.IndexIVFPQFastScan(faiss.IndexFlatL2(KEPT), KEPT, lists, KEPT // 2, _CODE_BITS)
        index.by_residual = False  # one table of distances serves all lists
        index.cp.niter = 8
        index.cp.min_points_per_centroid = index.pq.cp.min_points_per_centroid = 1
        sample = np.random.default_rng(0).permutation(rows)[: max(lists * _TRAINED_PER_LIST, _LEAST_TRAINED)]
        index.train(self._vectors.reconstruct_batch(np.resize(sample, max(len(sample), _LEAST_TRAINED))))
        index.nprobe = min(lists, _LISTS_LOOKED_AT)
        return index
