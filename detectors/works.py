"""Which registered works a picture resembles. Lives in the process that judges, beside no hostile bytes."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from detectors import geometry, layout, outline, shape
from detectors.alignment import aligned
from detectors.describe import FORMAT, Description
from detectors.featureindex import FeatureIndex, Reference
from detectors.hasher import hashers
from detectors.index import FingerprintIndex, Fingerprints
from detectors.judge import FEATURES_OF_A_WHOLE
from detectors.model import Fingerprint, Match, Region
from detectors.places import (
    Matrix,
    around,
    box_placement,
    in_long_sides,
    nearest_orientation,
    to_fractions,
    to_long_sides,
)

FEATURES: Final = "features"
FEATURES_VERSION: Final = 2
LEAST_FEATURES: Final = 0.25  # weak findings count where another detector agrees; see judge
LEAST_OUTLINE: Final = 0.4
LEAST_LAYOUT: Final = 0.03  # of a lead
_LAYOUT_AGREES: Final = 0.75  # outline at a layout's own placement: 4 of 4,500 innocents have more, and small leads
LEAST_SHAPE: Final = 0.6  # copies placed by shape come to 0.56 to 0.96 (seed 3); each finding costs an alignment
_PARTS: Final = 2  # which `WorksIndex.parts` has; raised when they change
_OUTLINED: Final = 8  # findings whose outlines are compared, the best first: each costs a millisecond
_ALIGNED: Final = 3  # of these, how many are aligned part by part: each costs three
_PLAIN_AGREEMENT: Final = 0.9  # so good as it stands that alignment adds nothing
_WORTH_ALIGNING: Final = 0.3
_WORTHY_FEATURES: Final = 2.5
_LEAST_FOR_SHAPES: Final = 0.55
_WHOLES: Final = 4  # regions whose shape and layout are sought
_SHAPES: Final = 3  # findings of shapes that are kept, the best first
_LAYOUT_PROMISE: Final = 0.5  # a layout's lead is small where its likeness, as a shape's, is great
_SHORTLISTED: Final = 20  # references: 5 ms each
_GROUND_PX: Final = 40  # around a reference's thumbnail


@dataclass(frozen=True, slots=True)
class _Held:
    outline: outline.Outline
    scale: tuple[float, float]


class _Turns:
    """Any number of threads that search, or one that changes what they search."""

    def __init__(self) -> None:
        self._searching = 0
        self._turn = threading.Condition()

    @contextmanager
    def searching(self) -> Iterator[None]:
        with self._turn:
            self._searching += 1
        try:
            yield
        finally:
            with self._turn:
                self._searching -= 1
                self._turn.notify_all()

    @contextmanager
    def changing(self) -> Iterator[None]:
        with self._turn:
            self._turn.wait_for(lambda: not self._searching)
            yield


class WorksIndex:
    """All references of all works. Threads may search it and change it at once.

    In memory, but for what `of` was handed mapped from a file.
    """

    def __init__(self) -> None:
        self._turns = _Turns()
        self._by_hasher: dict[str, FingerprintIndex[tuple[int, int]]] = {name: FingerprintIndex() for name in hashers()}
        self._features = FeatureIndex()
        self._shapes = shape.Shapes()
        self._layouts = layout.Layouts()
        self._held: dict[tuple[int, int], _Held] = {}

    @staticmethod
    def made_by() -> str:
        """What its parts depend on besides the references: those made by anything else are of no use."""
        import faiss

        versions = [f"{name} {hasher.version}" for name, hasher in hashers().items()]
        versions += [
            f"{FEATURES} {FEATURES_VERSION}",
            f"{shape.NAME} {shape.VERSION}",
            f"{layout.NAME} {layout.VERSION}",
            f"{outline.NAME} {outline.VERSION}",
        ]
        return ", ".join([f"parts {_PARTS}", f"description {FORMAT}", *versions, f"faiss {faiss.__version__}"])

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The index that `parts` took apart; large arrays that are mapped from a file stay so."""
        index = cls()
        for name in index._by_hasher:
            index._by_hasher[name] = FingerprintIndex.of(_fingerprints(_part(arrays, name)))
        index._features = FeatureIndex.of(_part(arrays, FEATURES))
        index._shapes = shape.Shapes.of(_part(arrays, shape.NAME))
        index._layouts = layout.Layouts.of(_part(arrays, layout.NAME))
        index._held = _outlines(_part(arrays, outline.NAME))
        return index

    def parts(self) -> dict[str, Sequence[NDArray[Any]]]:
        """What it is made of, by name, each array in pieces. They hold for as long as nothing is added or removed."""
        several = {name: _fingerprint_arrays(index.parts()) for name, index in self._by_hasher.items()}
        several |= {FEATURES: self._features.parts(), shape.NAME: self._shapes.parts()}
        several[layout.NAME] = self._layouts.parts()
        several[outline.NAME] = _outline_arrays(self._held)
        return {f"{name}.{part}": array for name, arrays in several.items() for part, array in arrays.items()}

    @property
    def wasted(self) -> float:
        """Which share of its points is of removed works, and goes when an index is built anew."""
        return self._features.wasted

    def add(self, work_id: int, reference_id: int, description: Description, *, by_hashes: bool = False) -> None:
        """Hold one reference of a work, made by ``describe_reference``.

        Fingerprints of another version than today's are left out: they could not be compared.

        Args:
            by_hashes: Hold nothing but its fingerprints, a hundredth of the whole.
        """
        held, whole, laid_out = None, None, None
        if description.thumbnail.size and not by_hashes:
            picture = outline.Pyramid(description.thumbnail, _GROUND_PX)
            box = in_long_sides(description.content, description.scale)
            held = _Held(outline.outline(picture, box), description.scale)
            whole, laid_out = shape.shape(picture, box), layout.layout(picture, box)
        with self._turns.changing():
            for name, index in self._by_hasher.items():
                index.add((work_id, reference_id), _current(description, name))
            if held is not None:
                self._held[work_id, reference_id] = held
                if whole is not None:
                    self._shapes.add((work_id, reference_id), whole)
                if laid_out is not None:
                    self._layouts.add((work_id, reference_id), laid_out)
                self._features.add((work_id, reference_id), description.features)

    def lay_out(self) -> None:
        """Make ready what the first search after many additions would have to; it takes seconds for thousands."""
        self._features.lay_out()

    def remove(self, work_id: int) -> None:
        """Forget a work with all its references; a stranger is no error."""
        with self._turns.changing():
            for index in self._by_hasher.values():
                index.remove(lambda owner: owner[0] == work_id)
            self._features.remove(work_id)
            for reference in [reference for reference in self._held if reference[0] == work_id]:
                del self._held[reference]
                self._shapes.remove(reference)
                self._layouts.remove(reference)

    @property
    def held_whole(self) -> int:
        """How many references are held with their points and outlines."""
        return len(self._held)

    def shortlist(self, matches: Sequence[Match]) -> list[Reference]:
        """The references that were found and are held by their fingerprints alone, the likeliest first."""
        likely = sorted(matches, key=_promise, reverse=True)
        found = dict.fromkeys((match.work_id, match.reference_id) for match in likely)
        return [reference for reference in found if reference not in self._held][:_SHORTLISTED]

    def matches(self, description: Description) -> list[Match]:
        """Each detector's best finding for each reference that it finds alike, in no particular order."""
        with self._turns.searching():
            return self._matches(description)

    def _matches(self, description: Description) -> list[Match]:
        hashed = list(self._hashed(description))
        placed = list(self._placed(description))
        if not description.thumbnail.size:
            return [*hashed, *placed]
        picture = outline.Pyramid(description.thumbnail)
        settled = any((match.score or 0.0) >= FEATURES_OF_A_WHOLE for match in placed)
        found, leads = [*hashed, *placed], []
        if not settled:
            found += self._shaped(description, picture)
            leads = self._laid_out(description, picture)
        outlined = self._outlined(description, picture, [*found, *(lead for lead, _ in leads)])
        return [*found, *(lead for lead, agrees in leads if agrees), *outlined]

    def _hashed(self, description: Description) -> Iterator[Match]:
        for name, index in self._by_hasher.items():
            hasher = hashers()[name]
            best: dict[tuple[int, int], Match] = {}
            for query, (work_id, reference_id), stored, orientation, distance in index.near(
                _current(description, name), hasher.radius_bits
            ):
                known = best.get((work_id, reference_id))
                if known is None or known.distance_bits is None or distance < known.distance_bits:
                    best[work_id, reference_id] = Match(
                        work_id,
                        reference_id,
                        name,
                        hasher.version,
                        threshold=hasher.radius_bits,
                        distance_bits=distance,
                        region=query.region,
                        reference_region=stored,
                        orientation=orientation,
                        placement=box_placement(stored, orientation, query.region),
                    )
            yield from best.values()

    def _placed(self, description: Description) -> Iterator[Match]:
        """Findings of the local features."""
        for (work_id, reference_id), (pairs, _) in self._features.pairs(description.features).items():
            found = geometry.place(pairs)
            if found is None or found.score < LEAST_FEATURES:
                continue
            scale = self._held[work_id, reference_id].scale
            yield Match(
                work_id,
                reference_id,
                FEATURES,
                FEATURES_VERSION,
                threshold=LEAST_FEATURES,
                score=round(found.score, 4),
                region=around(pairs.picture[found.inliers], description.scale),
                reference_region=around(pairs.reference[found.inliers], scale),
                orientation=nearest_orientation(found.matrix),
                inliers=len(found.inliers),
                placement=to_fractions(found.matrix, scale, description.scale),
            )

    def _shaped(self, description: Description, picture: outline.Pyramid) -> list[Match]:
        """Findings of the content's and the free-standing things' shapes."""
        regions = _regions(description)
        seen = [(region, shape.shape(picture, in_long_sides(region, description.scale))) for region in regions]
        drawn = [(region, one) for region, one in seen if one is not None]
        best: dict[tuple[int, int], tuple[float, Region, Matrix]] = {}
        for (region, _), found in zip(drawn, self._shapes.near([one for _, one in drawn]), strict=True):
            for reference, score, matrix in found:
                if score >= LEAST_SHAPE and (reference not in best or score > best[reference][0]):
                    best[reference] = (score, region, matrix)
        return [
            Match(
                *reference,
                shape.NAME,
                shape.VERSION,
                threshold=LEAST_SHAPE,
                score=round(score, 4),
                region=region,
                orientation=nearest_orientation(matrix),
                placement=to_fractions(matrix, self._held[reference].scale, description.scale),
            )
            for reference, (score, region, matrix) in sorted(best.items(), key=lambda item: -item[1][0])[:_SHAPES]
        ]

    def _laid_out(self, description: Description, picture: outline.Pyramid) -> list[tuple[Match, bool]]:
        """Where lines run alike within the content and free-standing things, and whether they agree closely seen.

        One that does not is no finding: it only says where the outline is worth a look.
        """
        regions = _regions(description)
        seen = [(region, layout.layout(picture, in_long_sides(region, description.scale))) for region in regions]
        drawn = [(region, one) for region, one in seen if one is not None]
        best: dict[Reference, tuple[bool, float, Region, Matrix]] = {}
        for (region, _), found in zip(drawn, self._layouts.near([one for _, one in drawn]), strict=True):
            if found is None or found.lead < LEAST_LAYOUT:
                continue
            agrees = outline.agreement(self._held[found.reference].outline, picture, found.placement) >= _LAYOUT_AGREES
            if found.reference not in best or (agrees, found.lead) > best[found.reference][:2]:
                best[found.reference] = agrees, found.lead, region, found.placement
        return [
            (
                Match(
                    *reference,
                    layout.NAME,
                    layout.VERSION,
                    threshold=LEAST_LAYOUT,
                    score=round(lead, 4),
                    region=region,
                    orientation=nearest_orientation(placement),
                    placement=to_fractions(placement, self._held[reference].scale, description.scale),
                ),
                agrees,
            )
            for reference, (agrees, lead, region, placement) in best.items()
        ]

    def _outlined(self, description: Description, picture: outline.Pyramid, matches: list[Match]) -> Iterator[Match]:
        """Whether the reference's lines are there, at the placements that the other detectors found."""
        best: dict[tuple[int, int], Match] = {}
        alignments = _ALIGNED
        for match in sorted(matches, key=_promise, reverse=True)[:_OUTLINED]:
            held = self._held.get((match.work_id, match.reference_id))
            if held is None or match.placement is None:
                continue
            matrix = to_long_sides(match.placement, held.scale, description.scale)
            score = outline.agreement(held.outline, picture, matrix)
            if alignments and _worth_aligning(match, score):
                alike, alignments = aligned(held.outline, picture, matrix), alignments - 1
                score = alike if match.detector == shape.NAME else max(score, alike)  # a shape is found by its lines
            elif match.detector == shape.NAME:
                continue
            known = best.get((match.work_id, match.reference_id))
            if score >= LEAST_OUTLINE and (known is None or known.score is None or score > known.score):
                best[match.work_id, match.reference_id] = Match(
                    match.work_id,
                    match.reference_id,
                    outline.NAME,
                    outline.VERSION,
                    threshold=LEAST_OUTLINE,
                    score=round(score, 4),
                    region=match.region,
                    reference_region=match.reference_region,
                    orientation=match.orientation,
                    placement=match.placement,
                )
        yield from best.values()


def _regions(description: Description) -> list[Region]:
    """The content and what stands free in it, as many as are looked at as wholes."""
    return list(dict.fromkeys([description.content, *(f.region for f in description.fingerprints)]))[:_WHOLES]


def _part(arrays: Mapping[str, NDArray[Any]], name: str) -> dict[str, NDArray[Any]]:
    return {key.removeprefix(f"{name}."): array for key, array in arrays.items() if key.startswith(f"{name}.")}


def _fingerprint_arrays(made: Fingerprints[Reference]) -> dict[str, list[NDArray[Any]]]:
    arrays = {
        "references": np.array([owner for owner, _ in made.places], np.int64).reshape(-1, 2),
        "names": np.array([region.name for _, region in made.places], np.str_),
        "boxes": np.array([region.box for _, region in made.places], np.float64).reshape(-1, 4),
        "place": made.place,
        "orientation": made.orientation,
        "codes": made.codes,
    }
    return {name: [array] for name, array in arrays.items()}


def _fingerprints(arrays: Mapping[str, NDArray[Any]]) -> Fingerprints[Reference]:
    owners = [(int(work), int(reference)) for work, reference in arrays["references"]]
    boxes = arrays["boxes"].tolist()
    regions = [Region(str(name), tuple(box)) for name, box in zip(arrays["names"], boxes, strict=True)]
    places = list(zip(owners, regions, strict=True))
    return Fingerprints(places, arrays["place"], arrays["orientation"], arrays["codes"])


def _outline_arrays(held: Mapping[Reference, _Held]) -> dict[str, list[NDArray[Any]]]:
    greys = [one.outline.grey for one in held.values()]
    return {
        "references": [np.array(list(held), np.int64).reshape(-1, 2)],
        "scales": [np.array([one.scale for one in held.values()], np.float64).reshape(-1, 2)],
        "grids": [np.array([one.outline.grid for one in held.values()], np.float64).reshape(-1, 3, 3)],
        "sizes": [np.array([grey.shape for grey in greys], np.int64).reshape(-1, 2)],
        "greys": [np.zeros(0, np.uint8), *(grey.ravel() for grey in greys)],
    }


def _outlines(arrays: Mapping[str, NDArray[Any]]) -> dict[Reference, _Held]:
    ends = np.cumsum(arrays["sizes"].prod(axis=1)).tolist()
    greys = np.split(arrays["greys"], ends[:-1]) if ends else []
    held = {}
    each = zip(arrays["references"].tolist(), arrays["scales"].tolist(), arrays["grids"], greys, arrays["sizes"],
               strict=True)  # fmt: skip
    for (work_id, reference_id), (width, height), grid, grey, size in each:
        held[work_id, reference_id] = _Held(outline.Outline(grid, grey.reshape(size)), (width, height))
    return held


def _worth_aligning(match: Match, agreement: float) -> bool:
    if match.detector == shape.NAME:
        return agreement >= _LEAST_FOR_SHAPES
    points = (match.score or 0.0) if match.detector == FEATURES else 0.0
    worthy = agreement >= _WORTH_ALIGNING or points >= _WORTHY_FEATURES
    return worthy and agreement < _PLAIN_AGREEMENT and points < FEATURES_OF_A_WHOLE


def _current(description: Description, name: str) -> list[Fingerprint]:
    version = hashers()[name].version
    return [f for f in description.fingerprints if f.detector == name and f.version == version]


def _promise(match: Match) -> float:
    """The order in which outlines are compared."""
    if match.distance_bits is not None:
        return 1.0 - match.distance_bits / match.threshold
    if match.detector == layout.NAME:
        return _LAYOUT_PROMISE + (match.score or 0.0)
    return match.score or 0.0
