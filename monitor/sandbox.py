"""Limited child processes in which pictures are decoded and pages parsed: hostile bytes never reach this process.

A child that hangs, grows, crashes or lies is killed; its task becomes a typed result and the next one gets a fresh
child. Children start on demand and end when idle, so that a resting daemon is small.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import signal
import sys
import time
from collections.abc import Coroutine, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import detectors.errors
from config.settings import SandboxSettings
from detectors.errors import DetectorError, UnreadableDescription
from detectors.model import Match, Outcome
from monitor import posix, wire
from monitor.errors import ImportRefused, SandboxError
from monitor.marketplaces.base import Page, ParsedPage

if TYPE_CHECKING:
    import numpy as np

    from detectors.describe import Description
    from detectors.glance import Glance, Pixels
    from monitor.complaints.mails import MailText
    from monitor.saved.containers import Part

    _Answer = tuple[dict[str, Any], list[np.ndarray[Any, Any]]]

_logger = logging.getLogger(__name__)

_COMMAND = (sys.executable, "-P", "-m", "monitor.child")
_KIND = {
    "parse": "page",
    "diagnose": "page",
    "describe": "picture",
    "describe_reference": "picture",
    "thumbnail": "picture",
    "glance": "picture",
    "pixels": "picture",
    "comparison": "picture",
    "unpack": "saved",
    "workbook": "saved",
    "rows": "saved",
    "mail": "mail",
}
_START_TIMEOUT_S = 30.0  # numpy, uncompiled, on a slow disk
_END_TIMEOUT_S = 2.0
_FILE_TIMEOUT_S = 60.0  # a recorded visit of 100 MB takes 3 s
_PATIENCE_S = {"page": 3.0}  # before another child is started for it: most pages take a few ms, pictures 100
_WATCH_S = 0.05  # how often a working child's memory is looked at
_LARGEST_HEADER = 32 << 20
_LARGEST_PAYLOAD = 64 << 20
_PIPE_BUFFER = 1 << 20
_DTYPES = frozenset({"|u1", "|b1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f2", "<f4", "<f8"})
_DETECTOR_ERRORS = {
    name: value
    for name, value in vars(detectors.errors).items()
    if isinstance(value, type) and issubclass(value, DetectorError)
}
# No secret of ours is in the child's environment, and no library starts threads there.
_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "LANG")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
_ONE_THREAD = dict.fromkeys((*_THREADS, "MALLOC_ARENA_MAX"), "1")


class Sandbox:
    """A pool of limited children. Use it from one event loop and `close` it."""

    def __init__(
        self, settings: SandboxSettings, command: Sequence[str] = _COMMAND, *, described: Sequence[str] = ()
    ) -> None:
        """Take limits, and the marketplaces that are described and not built in, as JSON."""
        self._settings = settings
        self._described = list(described)
        self._command = tuple(command)
        self._free = asyncio.Semaphore(settings.children)
        self._count = 0  # children that run, idle ones included
        self._idle: list[_Child] = []
        self._rested = asyncio.Event()  # a child has become idle, or ended
        self._starting = 0
        self._closer: asyncio.TimerHandle | None = None
        self._endings: set[asyncio.Task[None]] = set()

    async def parse(self, page: Page, marketplace: str | None) -> ParsedPage:
        """What a page says; outcome ``failed`` with a reason where reading it broke a limit."""
        header = {"page": wire.page_to_json(page), "marketplace": marketplace, "described": self._described}
        try:
            result, _ = await self._run("parse", header, page.body, self._settings.page_timeout_s)
            return wire.parsed_from_json(result)
        except _TaskFailed as error:
            _logger.error("page parser failed", extra={"url": page.url, "error": str(error)})
            reason = f"parser fault: {error}"
        except (SandboxError, wire.BadFrame) as error:
            reason = f"parse limit: {error}"
        return ParsedPage(Outcome.FAILED, marketplace or "", reason=reason)

    async def diagnose(self, page: Page, description: str) -> tuple[list[dict[str, Any]], ParsedPage]:
        """What each key of a marketplace's description (as JSON) finds on a page, and what comes of it.

        Raises:
            SandboxError: Reading the page broke a limit.
        """
        header = {"page": wire.page_to_json(page), "described": [description]}
        try:
            result, _ = await self._run("diagnose", header, page.body, self._settings.page_timeout_s)
            return list(result["rows"]), wire.parsed_from_json(result["parsed"])
        except (_TaskFailed, wire.BadFrame, KeyError, TypeError) as error:
            raise SandboxError(f"reading the page failed: {error}") from None

    async def unpack(self, file: Path, form: str, start: int) -> tuple[list[Part], int | None]:
        """Parts of an MHTML or HAR file (``form``) from the ``start``-th on, and where the next ones begin.

        Raises:
            ImportRefused: It is no such file.
            SandboxError: Reading it broke a limit.
        """
        from monitor.saved.containers import parts_from_wire

        header = {"file": str(file), "form": form, "start": start}
        result, arrays = await self._file("unpack", header)
        try:
            return parts_from_wire(result, arrays)
        except (ValueError, KeyError, TypeError) as error:
            raise SandboxError(f"the child answered nonsense: {error}") from None

    async def workbook(self, file: Path) -> list[str]:
        """The listing addresses in a spreadsheet.

        Raises:
            ImportRefused: It is none.
            SandboxError: Reading it broke a limit.
        """
        result, _ = await self._file("workbook", {"file": str(file)})
        return [line for line in result["lines"] if isinstance(line, str)]

    async def rows(self, file: Path) -> list[list[str]]:
        """The rows of a spreadsheet's first sheet, as text.

        Raises:
            ImportRefused: It is none.
            SandboxError: Reading it broke a limit.
        """
        result, _ = await self._file("rows", {"file": str(file)})
        return [[str(cell) for cell in row] for row in result["rows"]]

    async def mail(self, data: bytes, trusted_server: str) -> MailText:
        """A mail's headers and text; an empty one, marked as cut, where reading it broke a limit.

        Args:
            trusted_server: As `monitor.complaints.mails.read_mail` takes it.
        """
        from monitor.complaints.mails import UNREAD, MailText

        try:
            result, _ = await self._run("mail", {"trusted_server": trusted_server}, data, self._settings.page_timeout_s)
            return MailText.from_wire(result)
        except (SandboxError, _TaskFailed, ValueError) as error:
            _logger.warning("mail not read", extra={"reason": str(error)})
            return UNREAD

    async def _file(self, task: str, header: dict[str, Any]) -> _Answer:
        try:
            return await self._run(task, header, b"", _FILE_TIMEOUT_S)
        except _TaskFailed as error:
            if error.name == "ImportRefused":
                raise ImportRefused(f"{header['file']}: {error.message}") from None
            raise SandboxError(f"{header['file']}: reading it failed with {error}") from None

    async def describe(self, data: bytes, *, reference: bool = False) -> Description:
        """All fingerprints of a picture.

        Raises:
            DetectorError: The picture cannot be examined (undecodable, too small, ...).
            SandboxError: Examining it broke a limit, or the child failed otherwise.
        """
        from detectors.describe import Description

        result, arrays = await self._picture("describe_reference" if reference else "describe", {}, data)
        try:
            return Description.from_wire(result, arrays)
        except UnreadableDescription as error:
            raise SandboxError(f"the child answered nonsense: {error}") from None

    async def glance(self, data: bytes) -> Glance:
        """A picture at first sight: a small copy, for a thirtieth of what describing it costs.

        Raises:
            DetectorError: The picture cannot be decoded.
            SandboxError: Decoding it broke a limit, or the child failed otherwise.
        """
        from detectors.glance import Glance

        result, arrays = await self._picture("glance", {}, data)
        try:
            return Glance.from_wire(result, arrays)
        except UnreadableDescription as error:
            raise SandboxError(f"the child answered nonsense: {error}") from None

    async def pixels(self, data: bytes, side_px: int) -> Pixels:
        """A picture, upright, on white: height x width x 3 RGB, at most ``side_px`` a side.

        Raises:
            DetectorError: The picture cannot be decoded.
            SandboxError: Decoding it broke a limit, or the child failed otherwise.
        """
        _, arrays = await self._picture("pixels", {"side_px": side_px}, data)
        fits = len(arrays) == 1 and arrays[0].ndim == 3 and arrays[0].shape[2] == 3 and max(arrays[0].shape) <= side_px
        if not fits or arrays[0].dtype.str != "|u1" or not arrays[0].size:
            raise SandboxError("the child answered nonsense: not a picture's pixels")
        return arrays[0]

    async def thumbnail(self, data: bytes, side_px: int) -> bytes:
        """A small JPEG of a picture, as `detectors.thumbnail` makes it.

        Raises:
            DetectorError: The picture cannot be decoded.
            SandboxError: Decoding it broke a limit, or the child failed otherwise.
        """
        _, arrays = await self._picture("thumbnail", {"side_px": side_px}, data)
        return b"".join(array.tobytes() for array in arrays)

    async def comparison(
        self, reference: bytes, picture: bytes, match: Match, form: Literal["PNG", "JPEG"] = "PNG"
    ) -> bytes:
        """A picture that shows where a reference lies in a picture, as `detectors.explain` draws it.

        A match that says no place has both beside each other.

        Raises:
            DetectorError: A picture cannot be decoded.
            SandboxError: Drawing broke a limit, or the child failed otherwise.
        """
        header = {"match": asdict(match), "reference_size": len(reference), "form": form}
        _, arrays = await self._picture("comparison", header, reference + picture)
        return b"".join(array.tobytes() for array in arrays)

    async def _picture(self, task: str, header: dict[str, Any], data: bytes) -> _Answer:
        try:
            return await self._run(task, header, data, self._settings.picture_timeout_s)
        except _TaskFailed as error:
            if error.name in _DETECTOR_ERRORS:
                raise _DETECTOR_ERRORS[error.name](error.message) from None
            raise SandboxError(f"examining the picture failed with {error}") from None

    async def close(self) -> None:
        """End every child and wait for it."""
        if self._closer is not None:
            self._closer.cancel()
        while self._idle:
            self._end(self._idle.pop())
        await asyncio.gather(*self._endings)

    async def _run(
        self, task: str, header: dict[str, Any], payload: bytes, timeout_s: float
    ) -> tuple[Any, list[np.ndarray[Any, Any]]]:
        """One task in a child: its JSON result and arrays. A child that did not answer in form is not used again."""
        async with self._free:
            child = await self._take(_KIND[task])
            try:
                header = {"task": task, "cpu_s": math.ceil(timeout_s), **header}
                answer, arrays = await self._within_limits(child, child.ask(header, payload), timeout_s)
            except BaseException:  # also when this task is cancelled: the child is in an unknown state
                self._end(child, at_once=True)
                raise
            child.tasks += 1
            if child.tasks >= self._settings.tasks_per_child or answer.get("error") == "MemoryError":
                self._end(child)
            else:
                self._rest(child)
        if "error" in answer:
            raise _TaskFailed(str(answer["error"]), str(answer.get("message", "")))
        return answer.get("result"), arrays

    async def _take(self, kind: str) -> _Child:
        """A child that has loaded ``kind``: an idle one that has, else a new one, else any idle one."""
        able = self._able(kind) or await self._soon(kind)
        if able:
            self._idle.remove(able)
            return able
        self._starting += 1
        try:
            child = await self._start(kind) if self._count < self._settings.children else self._idle.pop()
            await self._load(child, kind)
        finally:
            self._starting -= 1
            self._rested.set()  # who waited for it without limit looks again
        return child

    async def _load(self, child: _Child, kind: str) -> None:
        try:
            load = {"task": "load", "kind": kind, "cpu_s": int(_START_TIMEOUT_S)}
            ready = child.ask(load) if child.kinds else child.answer()
            answer, _ = await self._within_limits(child, ready, _START_TIMEOUT_S)
            if "error" in answer:
                raise SandboxError(f"a child could not load what {kind}s need: {answer}")
        except BaseException:
            self._end(child, at_once=True)
            raise
        child.kinds.add(kind)
        child.base_bytes = posix.resident_bytes(child.pid)

    def _able(self, kind: str) -> _Child | None:
        """The idle child that did ``kind`` last; dead ones are put away."""
        for dead in [child for child in self._idle if not child.alive]:
            self._idle.remove(dead)
            self._end(dead)
        return next((child for child in reversed(self._idle) if kind in child.kinds), None)

    async def _soon(self, kind: str) -> _Child | None:
        """A child that is idle again in a moment, while others work; a new one takes 20 MB and half a second of CPU."""
        if self._count == len(self._idle) or self._count >= self._settings.children or kind not in _PATIENCE_S:
            return None
        while not (able := self._able(kind)):
            self._rested.clear()
            try:
                async with asyncio.timeout(_START_TIMEOUT_S if self._starting else _PATIENCE_S[kind]):
                    await self._rested.wait()
            except TimeoutError:
                return None
        return able

    async def _start(self, kind: str) -> _Child:
        self._count += 1
        if self._endings:  # a child that ends gives its memory back before the next one takes as much
            await asyncio.wait(set(self._endings))
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                kind,
                str(self._settings.memory_mb),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_PIPE_BUFFER,
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ} | _ONE_THREAD,
                **posix.group_options(),
            )
        except OSError as error:
            self._count -= 1
            raise SandboxError(f"no child process could be started: {error}") from error
        return _Child(process)

    async def _within_limits(self, child: _Child, work: Coroutine[Any, Any, _Answer], timeout_s: float) -> _Answer:
        """The answer to ``work``, unless the child takes too long or grows too much first.

        Raises:
            SandboxError: It did, or it died; the caller must end it.
        """
        deadline = time.monotonic() + timeout_s
        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait((task,), timeout=_WATCH_S))[0]:
                if time.monotonic() > deadline:
                    raise SandboxError(f"it took longer than {timeout_s:g} s")
                resident = posix.resident_bytes(child.pid)
                if resident and child.base_bytes and resident - child.base_bytes > self._settings.rss_mb << 20:
                    raise SandboxError(f"it needed more than {self._settings.rss_mb} MB")
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait((task,))

    def _rest(self, child: _Child) -> None:
        child.idle_since = time.monotonic()
        self._idle.append(child)
        self._rested.set()
        if self._closer is None:
            self._closer = asyncio.get_running_loop().call_later(self._settings.idle_s, self._end_idle)

    def _end_idle(self) -> None:
        """End the children that have been idle for long enough, and come back for the others."""
        self._closer = None
        now = time.monotonic()
        for child in list(self._idle):
            if now - child.idle_since >= self._settings.idle_s:
                self._idle.remove(child)
                self._end(child)
        if self._idle:
            wait_s = self._settings.idle_s - (now - min(child.idle_since for child in self._idle))
            self._closer = asyncio.get_running_loop().call_later(wait_s, self._end_idle)

    def _end(self, child: _Child, *, at_once: bool = False) -> None:
        self._count -= 1
        self._rested.set()
        if at_once:
            posix.kill_group(child.pid)
        ending = asyncio.get_running_loop().create_task(child.finish())
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)


class _TaskFailed(Exception):
    """The task raised in the child, which is well."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message


class _Child:
    """One running child process and its pipes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        if process.stdin is None or process.stdout is None:
            raise SandboxError("the child has no pipes")
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout
        self.pid = process.pid
        self.kinds: set[str] = set()
        self.tasks = 0
        self.idle_since = 0.0
        self.base_bytes: int | None = None

    @property
    def alive(self) -> bool:
        return self._process.returncode is None and not self._stdout.at_eof()

    async def ask(self, header: dict[str, Any], payload: bytes = b"") -> _Answer:
        with contextlib.suppress(ConnectionError):  # a dead child is noticed by its missing answer
            self._stdin.write(wire.pack(header, len(payload)))
            self._stdin.write(payload)
            await self._stdin.drain()
        return await self.answer()

    async def answer(self) -> _Answer:
        """The next answer's header and arrays.

        Raises:
            SandboxError: The child died or sent what is no answer.
        """
        try:
            header_size, payload_size = wire.LENGTHS.unpack(await self._stdout.readexactly(wire.LENGTHS.size))
            if header_size > _LARGEST_HEADER or payload_size > _LARGEST_PAYLOAD:
                raise SandboxError("its answer is too large")
            header = wire.unpack(await self._stdout.readexactly(header_size))
            payload = await self._stdout.readexactly(payload_size)
            return header, _arrays(header.get("arrays", []), payload)
        except asyncio.IncompleteReadError:
            raise SandboxError(f"the child died ({_cause(await self._process.wait())})") from None
        except wire.BadFrame as error:
            raise SandboxError(f"the child answered nonsense: {error}") from None

    async def finish(self) -> None:
        """Close the pipes and wait for the end; kill what does not end by itself."""
        self._stdin.close()
        try:
            await asyncio.wait_for(self._drain(), _END_TIMEOUT_S)
        except TimeoutError:
            posix.kill_group(self.pid)
            await self._drain()

    async def _drain(self) -> None:
        while await self._stdout.read(_PIPE_BUFFER):
            pass
        await self._process.wait()


def _arrays(shapes: Any, payload: bytes) -> list[np.ndarray[Any, Any]]:
    """The arrays that follow each other in ``payload``, each described by (dtype, shape).

    Raises:
        BadFrame: Types or sizes are not of the agreed kind.
    """
    if not shapes and not payload:
        return []
    import numpy as np

    arrays, start = [], 0
    try:
        for dtype, shape in shapes:
            if dtype not in _DTYPES or not all(isinstance(side, int) and side >= 0 for side in shape):
                raise wire.BadFrame(f"array of {dtype!r} {shape!r}")
            count = math.prod(shape)
            arrays.append(np.frombuffer(payload, np.dtype(dtype), count, start).reshape(shape).copy())
            start += arrays[-1].nbytes
    except (TypeError, ValueError) as error:
        raise wire.BadFrame(f"arrays: {error}") from None
    if start != len(payload):
        raise wire.BadFrame("arrays and payload differ in size")
    return arrays


def _cause(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"code {code}"
