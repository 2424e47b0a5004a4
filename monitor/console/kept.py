"""What takes long to count is counted once for many readers, and anew in the background when it has grown old."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from typing import TypeVar

from monitor.clock import Clock

T = TypeVar("T")
_GOOD_FOR_S = 60.0
_MOST = 200
_logger = logging.getLogger(__name__)


class Kept:
    """Answers by what they are about. Only the first reader waits; later ones may see what is some minutes old."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answers: dict[Hashable, tuple[float, object]] = {}
        self._counting: dict[Hashable, asyncio.Task[object]] = {}

    async def get(self, about: Hashable, count: Callable[[], Awaitable[T]]) -> T:
        """The kept answer; what ``count`` gives where there is none."""
        made, answer = self._answers.get(about, (float("-inf"), None))
        counting = self._counting.get(about)
        if counting is None and self._clock.monotonic() - made > _GOOD_FOR_S:
            counting = asyncio.ensure_future(self._count(about, count))
            self._counting[about] = counting
        if answer is None and counting is not None:
            answer = await asyncio.shield(counting)
        return answer  # type: ignore[return-value]  # whoever asks about the same thing counts the same type

    async def _count(self, about: Hashable, count: Callable[[], Awaitable[T]]) -> T:
        try:
            answer = await count()
            while len(self._answers) >= _MOST:
                self._answers.pop(next(iter(self._answers)))
            self._answers[about] = (self._clock.monotonic(), answer)
        except Exception:
            _logger.exception("counting failed")
            raise
        else:
            return answer
        finally:
            self._counting.pop(about, None)
