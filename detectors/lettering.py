"""Words in pictures: where a work's word mark is written in a listing's picture. Needs the extra ``ocr``."""

from __future__ import annotations

import importlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final

import numpy as np

from detectors.errors import DetectorError
from detectors.glance import Pixels
from detectors.model import Match, Region

NAME: Final = "lettering"
VERSION: Final = 1
SIDE_PX: Final = 960  # what the reader was made for; letters of 1 % of that are still read
LEAST: Final = 0.85  # a letter of seven may be misread, two of fourteen
_FORGIVEN: Final = 7  # letters: shorter marks have too many neighbours among other words
_SHORTEST: Final = 3  # letters: shorter ones stand in too many other words
_SURE: Final = 0.6  # lines that the reader itself doubts are guesses
_LONGEST_SHOWN: Final = 24


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text in a picture; the box is left, top, right, bottom in fractions of the picture."""

    text: str
    box: tuple[float, float, float, float]


class Lettering:
    """A loaded reader and the works' word marks."""

    def __init__(self) -> None:
        """Load the reader.

        Raises:
            DetectorError: rapidocr or onnxruntime is not installed.
        """
        try:
            importlib.import_module("onnxruntime")
            rapidocr: Any = importlib.import_module("rapidocr")
        except ImportError:
            raise DetectorError("detection.read_text needs rapidocr: pip install 'bazaarwatch[ocr]'") from None
        runtime = "EngineConfig.onnxruntime"
        alone = {f"{runtime}.intra_op_num_threads": 1, f"{runtime}.inter_op_num_threads": 1}
        self._reader = rapidocr.RapidOCR(params={"Global.log_level": "error", **alone})
        self._marks: list[tuple[int, int, str]] = []

    def add(self, work_id: int, reference_id: int, mark: str) -> None:
        """Hold a word mark of a work; findings name the reference beside which they are shown."""
        if len("".join(_words(mark))) >= _SHORTEST:
            self._marks.append((work_id, reference_id, mark))

    def read(self, pixels: Pixels) -> list[Line]:
        """The lines of text in a picture, upright ones only.

        Args:
            pixels: height x width x 3 RGB, at most 960 px a side.
        """
        found = self._reader(np.ascontiguousarray(pixels[:, :, ::-1]), use_cls=False)
        if not found.txts:
            return []
        height, width = pixels.shape[:2]
        boxes = np.clip(np.asarray(found.boxes, float) / (width, height), 0.0, 1.0)
        return [
            Line(text, (left, top, right, bottom))
            for text, (left, top), (right, bottom), sure in zip(
                found.txts, boxes.min(axis=1).tolist(), boxes.max(axis=1).tolist(), found.scores, strict=True
            )
            if sure >= _SURE
        ]

    def matches(self, pixels: Pixels) -> list[Match]:
        """Where each work's marks are written, the clearest place of each work."""
        lines = self.read(pixels) if self._marks else []
        best: dict[int, Match] = {}
        for work_id, reference_id, mark in self._marks:
            for line in lines:
                score = round(likeness(mark, line.text), 4)
                if score >= LEAST and (work_id not in best or score > (best[work_id].score or 0.0)):
                    region = Region(f"text {line.text[:_LONGEST_SHOWN]!r}", line.box)
                    best[work_id] = Match(work_id, reference_id, NAME, VERSION, LEAST, score=score, region=region)
        return list(best.values())


def likeness(mark: str, text: str) -> float:
    """How well a mark is written as words of a text, 0 to 1. Case, width of letters and spaces are no difference."""
    wanted = _words(mark)
    letters = "".join(wanted)
    runs = list(_runs(_words(text), len(wanted) + 1))
    if len(letters) < _FORGIVEN:
        return float(letters in runs)
    return max((SequenceMatcher(None, letters, run, autojunk=False).ratio() for run in runs), default=0.0)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())


def _runs(words: list[str], longest: int) -> Iterator[str]:
    """Neighbouring words as one, since a reader loses and adds spaces."""
    for first in range(len(words)):
        for count in range(1, min(longest, len(words) - first) + 1):
            yield "".join(words[first : first + count])
