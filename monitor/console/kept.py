"""What takes long to count is counted once for many readers, and anew in the background when it has grown old."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from monitor.clock import Clock

T = TypeVar("T")
_QUICK_S = 0.01  # what takes less is counted each time
_PATIENCE_S = 0.03  # what takes less is waited for; else who asks gets what was counted before
_SHARE = 100  # counting again may take this part of the time
_SHARE_OUTDATED = 20  # and this part where what was counted is known to have changed
_LONGEST_S = 60.0  # however long it takes, it is begun again after so long
_MOST = 200
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What was counted: when that was begun, how long it took, and whether it has changed since."""

    value: Any
    at_s: float
    took_s: float
    outdated: bool = False

    @property
    def good_for_s(self) -> float:
        if self.took_s < _QUICK_S:
            return 0.0
        return min((_SHARE_OUTDATED if self.outdated else _SHARE) * self.took_s, _LONGEST_S)


class Kept:
    """Answers by what they are about: a noun, and what narrows it. Of a small database every answer is of now."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answers: dict[tuple[Any, ...], _Answer] = {}
        self._counting: dict[tuple[Any, ...], asyncio.Task[Any]] = {}

    async def get(self, about: tuple[Any, ...], count: Callable[[], Awaitable[T]]) -> T:
        """What ``count`` gives, now or some seconds ago. Only the first to ask waits for what takes long."""
        known, counting = self._answers.get(about), self._counting.get(about)
        if counting is None and (known is None or self._clock.monotonic() - known.at_s > known.good_for_s):
            counting = self._counting[about] = asyncio.ensure_future(self._count(about, count))
        if counting is not None and (known is None or known.took_s < _PATIENCE_S):
            return await asyncio.shield(counting)
        assert known is not None  # noqa: S101 - else it was waited for
        return known.value  # type: ignore[no-any-return]  # whoever asks about the same counts the same type

    def forget(self, noun: str) -> None:
        """Say that something changed what is kept about a noun."""
        for about, known in self._answers.items():
            if about[0] == noun:
                self._answers[about] = replace(known, outdated=True)

    async def close(self) -> None:
        """Count no further."""
        counting = list(self._counting.values())
        for one in counting:
            one.cancel()
        await asyncio.gather(*counting, return_exceptions=True)

    async def _count(self, about: tuple[Any, ...], count: Callable[[], Awaitable[T]]) -> T:
        begun_s = self._clock.monotonic()
        try:
            value = await count()
            while len(self._answers) >= _MOST:
                self._answers.pop(next(iter(self._answers)))
            self._answers[about] = _Answer(value, begun_s, self._clock.monotonic() - begun_s)
        except Exception:
            _logger.exception("counting failed")
            raise
        else:
            return value
        finally:
            self._counting.pop(about, None)
