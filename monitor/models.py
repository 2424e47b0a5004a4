"""The detectors that settings switch on: a copy-detection model, a reader of text, a search for logos."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from detectors.model import Match
from monitor.sandbox import Sandbox

if TYPE_CHECKING:
    from detectors.embedding import Embedder
    from detectors.glance import Glance
    from detectors.lettering import Lettering
    from detectors.logos import Logos


@dataclass(frozen=True, slots=True)
class Models:
    """Those in use, each holding the watched works that it looks for."""

    embedder: Embedder | None = None
    lettering: Lettering | None = None
    logos: Logos | None = None

    async def matches(self, sandbox: Sandbox, picture: bytes, seen: Glance | None = None) -> list[Match]:
        """What they find on a picture; ``seen`` is its first sight, where it was looked at.

        Raises:
            DetectorError: The picture cannot be decoded.
            SandboxError: Decoding it broke a limit.
        """
        found: list[Match] = []
        if self.embedder:
            small = seen or await sandbox.glance(picture)
            found += await asyncio.to_thread(self.embedder.matches, small.pixels)
        if self.lettering:
            from detectors.lettering import SIDE_PX

            found += await asyncio.to_thread(self.lettering.matches, await sandbox.pixels(picture, SIDE_PX))
        if self.logos:
            from detectors import logos

            found += await asyncio.to_thread(self.logos.matches, await sandbox.pixels(picture, logos.SIDE_PX))
        return found
