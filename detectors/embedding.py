"""A learned copy-detection model, where the operator names one: pictures of one design lie close to each other.

Any ONNX model will do that takes one float picture (1 x 3 x height x width, RGB normalised as for ImageNet) and gives
one row of numbers. SSCD (Pizzi et al., "A Self-Supervised Descriptor for Image Copy Detection", 2022) is the reference.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.errors import DetectorError
from detectors.glance import Pixels
from detectors.model import Match

NAME: Final = "embedding"
VERSION: Final = 1
_SIDE_PX: Final = 288  # where the model leaves the size open: what SSCD is used with
_MEAN: Final = np.array([0.485, 0.456, 0.406], np.float32)
_SPREAD: Final = np.array([0.229, 0.224, 0.225], np.float32)

Vector = NDArray[np.float32]


class Embedder:
    """A loaded model and the works' vectors."""

    def __init__(self, model: Path, threshold: float) -> None:
        """Load a model.

        Args:
            model: An ONNX file.
            threshold: The cosine from which on two pictures are a finding.

        Raises:
            DetectorError: onnxruntime is not installed, or the file is no such model.
        """
        try:
            runtime: Any = importlib.import_module("onnxruntime")
        except ImportError:
            raise DetectorError(
                "detection.embedding_model needs onnxruntime: pip install 'bazaarwatch[embedding]'"
            ) from None
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self._session = runtime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
            (wanted,) = self._session.get_inputs()
            height, width = (side if isinstance(side, int) else _SIDE_PX for side in wanted.shape[2:])
        except Exception as error:  # onnxruntime has an error class for each of its codes, and none for all
            raise DetectorError(f"detection.embedding_model: {model} is no model of one picture: {error}") from error
        self._input, self._size = wanted.name, (width, height)
        self._threshold = threshold
        self._references: list[tuple[int, int]] = []
        self._vectors: list[Vector] = []

    def add(self, work_id: int, reference_id: int, pixels: Pixels) -> None:
        """Hold one reference of a work."""
        self._references.append((work_id, reference_id))
        self._vectors.append(self.embed(pixels))

    def embed(self, pixels: Pixels) -> Vector:
        """A picture's vector, of length 1.

        Raises:
            DetectorError: The model gives no row of numbers.
        """
        import cv2

        small = cv2.resize(pixels, self._size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255.0
        row = np.asarray(
            self._session.run(None, {self._input: ((small - _MEAN) / _SPREAD).transpose(2, 0, 1)[None]})[0]
        )
        vector = row.reshape(-1).astype(np.float32)
        length = float(np.linalg.norm(vector))
        if not np.isfinite(length) or length == 0.0 or row.shape[0] != 1:
            raise DetectorError("detection.embedding_model gives no row of numbers for a picture; name another model")
        return np.asarray(vector / length, np.float32)

    def matches(self, pixels: Pixels) -> list[Match]:
        """References whose vectors lie near a picture's, as findings: evidence beside others, never alone."""
        if not self._vectors:
            return []
        near = np.stack(self._vectors) @ self.embed(pixels)
        return [
            Match(*self._references[at], NAME, VERSION, self._threshold, score=round(float(near[at]), 4))
            for at in np.flatnonzero(near >= self._threshold)
        ]
