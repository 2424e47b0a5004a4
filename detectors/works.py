"""Which registered works a picture resembles. Lives in the process that judges, beside no hostile bytes."""

from __future__ import annotations

from detectors.describe import Description
from detectors.hasher import hashers
from detectors.index import FingerprintIndex
from detectors.model import Fingerprint, Match


class WorksIndex:
    """All references of all works, in memory."""

    def __init__(self) -> None:
        self._by_hasher: dict[str, FingerprintIndex[tuple[int, int]]] = {name: FingerprintIndex() for name in hashers()}

    def add(self, work_id: int, reference_id: int, description: Description) -> None:
        """Hold one reference of a work, made by ``describe_reference``.

        Fingerprints of another version than today's are left out: they could not be compared.
        """
        for name, index in self._by_hasher.items():
            index.add((work_id, reference_id), _current(description, name))

    def remove(self, work_id: int) -> None:
        """Forget a work with all its references; a stranger is no error."""
        for index in self._by_hasher.values():
            index.remove(lambda owner: owner[0] == work_id)

    def matches(self, description: Description) -> list[Match]:
        """Each detector's best finding for each reference that it finds alike, in no particular order."""
        found: dict[tuple[str, int, int], Match] = {}
        for name, index in self._by_hasher.items():
            hasher = hashers()[name]
            for query, (work_id, reference_id), stored, distance in index.near(
                _current(description, name), hasher.radius_bits
            ):
                key = (name, work_id, reference_id)
                best = found.get(key)
                if best is None or best.distance_bits is None or distance < best.distance_bits:
                    found[key] = Match(
                        work_id,
                        reference_id,
                        name,
                        hasher.version,
                        threshold=hasher.radius_bits,
                        distance_bits=distance,
                        region=query.region,
                        reference_region=stored.region,
                        orientation=stored.orientation,
                    )
        return list(found.values())


def _current(description: Description, name: str) -> list[Fingerprint]:
    version = hashers()[name].version
    return [f for f in description.fingerprints if f.detector == name and f.version == version]
