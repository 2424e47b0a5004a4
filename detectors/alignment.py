"""How well a reference's lines run along a picture's where each part may slip a little: bent, seen aslant, covered."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft  # in single precision, where numpy's works in double

from detectors.outline import Matrix, Outline, Pyramid, lines

_BLOCK: Final = 16  # grid pixels: a 64-pixel outline has 16 blocks
_REACH: Final = 8  # pixels around a block that are looked at
_FIRST_SLIP: Final = 6  # how far a block may lie off the placement found by points
_LAST_SLIP: Final = 3  # after the placement has been fitted to the blocks
_FOUND: Final = 0.45  # agreement from which a block says where it lies
_STIFFNESS: Final = 90.0  # grid pixels squared: how firmly the placement is held to its stretch and turn
_LEAST_ENERGY: Final = 0.02  # of the richest block's

_TOLD: Final = 0.1  # of the richest block's energy: blocks with less say nothing about what is missing
_WEAKEST: Final = 0.2  # share of the lines, those that agree least
_CHANCE: Final = 0.065  # what freedom to slip adds: with it, six innocents of 375 alerted (seed 3)

Field = NDArray[np.complex64]


def aligned(reference: Outline, picture: Pyramid, placement: Matrix) -> float:
    """The agreement after alignment, -1 to 1: the mean of all the lines' and of their weakest fifth's.

    Signs that share a frame agree by 0.8, but not in their weakest fifth: without it 4 of 45 innocent designs of the
    demo bazaar alert.

    Blocks of the reference's lines are sought near where the placement puts them; the placement is fitted to where
    they were found, and each is sought again. Where little of the reference lies in the picture, it counts for less.

    Args:
        reference: From ``outline``.
        picture: The listing's.
        placement: 2 x 3, from fractions of the reference's long side to fractions of the picture's.
    """
    wanted = lines(reference.grey.astype(np.float32))
    height, width = wanted.shape
    grid = np.vstack([placement, [0.0, 0.0, 1.0]]) @ reference.grid
    grey, inside = picture.sample(grid, width, height)
    moved = _fitted(_Blocks(wanted * inside, lines(grey) * inside, _FIRST_SLIP), width, height)
    if moved is not None:
        grid = grid @ moved
        grey, inside = picture.sample(grid, width, height)
    blocks = _Blocks(wanted * inside, lines(grey) * inside, _LAST_SLIP)
    alike = float((np.sqrt(blocks.wanted * blocks.there) * blocks.alike).sum())
    alike /= float(np.sqrt(blocks.wanted.sum() * blocks.there.sum())) + 1e-6
    seen = float(blocks.wanted_inside / (np.abs(wanted) ** 2).sum().clip(1e-6))
    return float((alike + _weakest(blocks)) / 2 * min(1.0, 2 * seen) ** (1 / 3)) - _CHANCE


def _weakest(blocks: _Blocks) -> float:
    told = blocks.wanted > _TOLD * blocks.wanted.max()
    order = np.argsort(blocks.alike[told])
    share = np.cumsum(np.sqrt(blocks.wanted[told][order]))
    if not len(share):
        return 0.0
    return float(blocks.alike[told][order][np.searchsorted(share, _WEAKEST * share[-1])])


class _Blocks:
    """Where each block of the wanted lines is found among those that are there.

    Attributes:
        alike: By block, -1 to 1, at its best slip.
        across, down: That slip, in pixels.
        wanted, there: Squared strength of the lines of the block and of what was found there.
        x, y: The blocks' centres.
    """

    def __init__(self, wanted: Field, there: Field, slip: int) -> None:
        height, width = wanted.shape
        more = ((0, max(0, _BLOCK - height)), (0, max(0, _BLOCK - width)))
        wanted = np.pad(wanted, more)
        there = np.pad(there, [(_REACH, _REACH + extra) for _, extra in more])
        rows, columns = (grid.ravel() for grid in np.meshgrid(*map(_starts, wanted.shape), indexing="ij"))
        window = _BLOCK + 2 * _REACH
        own = np.lib.stride_tricks.sliding_window_view(wanted, (_BLOCK, _BLOCK))[rows, columns]
        around = np.lib.stride_tricks.sliding_window_view(there, (window, window))[rows, columns]
        products = fft.ifft2(fft.fft2(around) * np.conj(fft.fft2(own, s=(window, window)))).real
        shifts = slice(_REACH - slip, _REACH + slip + 1)
        square = np.asarray(np.abs(there) ** 2, np.float32)
        sums = cv2.boxFilter(
            square, -1, (_BLOCK, _BLOCK), anchor=(0, 0), normalize=False, borderType=cv2.BORDER_CONSTANT
        ).clip(0.0)
        count = 2 * slip + 1
        near = np.lib.stride_tricks.sliding_window_view(sums, (count, count))
        energy = near[rows + _REACH - slip, columns + _REACH - slip].reshape(len(rows), -1)
        self.wanted = np.asarray((np.abs(own) ** 2).sum(axis=(1, 2)), np.float64)
        self.wanted_inside = float((np.abs(wanted) ** 2).sum())
        floor = 1e-3 * float(self.wanted.max()) ** 2 + 1e-9
        alike = products[:, shifts, shifts].reshape(len(rows), -1) / np.sqrt(self.wanted[:, None] * energy + floor)
        best = alike.argmax(axis=1)
        each = np.arange(len(rows))
        self.alike, self.there = alike[each, best], energy[each, best].astype(np.float64)
        self.down, self.across = (part - slip for part in np.divmod(best, count))
        self.x, self.y = columns + (_BLOCK - 1) / 2, rows + (_BLOCK - 1) / 2


def _starts(side: int) -> NDArray[np.intp]:
    """Where blocks start so that they cover a side."""
    starts = np.arange(0, side - _BLOCK + 1, _BLOCK)
    return starts if (side - _BLOCK) % _BLOCK == 0 else np.append(starts, side - _BLOCK)


def _fitted(blocks: _Blocks, width: int, height: int) -> Matrix | None:
    """3 x 3 in grid pixels: the affine move that takes the blocks to where they were found; None where few were."""
    found = (blocks.alike > _FOUND) & (blocks.wanted > _LEAST_ENERGY * blocks.wanted.max())
    if found.sum() < 3:
        return None
    weight = np.where(found, blocks.wanted * (blocks.alike - 0.35) ** 2, 0.0)
    place = np.column_stack([blocks.x - width / 2, blocks.y - height / 2, np.ones(len(blocks.x))])
    stiff = np.diag([_STIFFNESS, _STIFFNESS, 0.0]) * weight.sum()
    slips = np.column_stack([blocks.across, blocks.down]).astype(float)
    firm = weight
    for _ in range(2):  # the second time, blocks that disagree with the others count less
        normal = (place * firm[:, None]).T @ place + stiff + 1e-6 * np.eye(3)
        move = np.linalg.solve(normal, (place * firm[:, None]).T @ slips)
        miss = np.hypot(*(place @ move - slips).T)
        firm = weight / (1.0 + (miss / 2) ** 2)
    matrix = np.eye(3)
    matrix[:2, :2] += move[:2].T
    matrix[:2, 2] = move[2] - move[:2].T @ [width / 2, height / 2]
    return matrix if 0.5 < np.linalg.det(matrix[:2, :2]) < 2.0 else None
