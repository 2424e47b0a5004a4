"""Everything that only POSIX systems have: resource limits, process groups, signals.

On Windows the same names exist and limit nothing: children there are bound by wall time alone, their memory is not
watched, and a request to stop arrives as Ctrl-C or Ctrl-Break. On macOS memory is not watched either.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # every child imports this file: kept light
    import asyncio
    from collections.abc import Callable

_NO_NEW_PRIVILEGES = 38  # PR_SET_NO_NEW_PRIVS, linux/prctl.h
_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG
_MOST_HEAPS = -8  # M_ARENA_MAX, malloc.h
_OPEN_FILES = 32

if sys.platform == "win32":

    def limit_process(memory_bytes: int) -> None:
        """Windows offers no such limits to a process on itself: nothing is done."""

    def limit_cpu(seconds: int) -> None:
        """Windows offers no such limit to a process on itself: nothing is done."""

    def group_options() -> dict[str, Any]:
        """Subprocess arguments that keep the terminal's Ctrl-C from the child."""
        import subprocess

        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}

    def kill_group(pid: int) -> None:
        """End a process at once."""
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGTERM)  # TerminateProcess

    def resident_bytes(pid: int) -> int | None:  # noqa: ARG001
        """Memory is not watched on Windows: None."""
        return None

    def return_memory() -> None:
        """Windows takes back by itself what was freed: nothing is done."""

    def keep_one_heap() -> None:
        """Windows gives threads no heaps of their own: nothing is done."""

    def on_stop(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
        """Call back, in the loop, when the user or the system asks this process to stop."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGBREAK):
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(callback))

else:
    import resource

    def limit_process(memory_bytes: int) -> None:
        """Bind this process: address space, no written files, few open ones, no new privileges, dies with its parent.

        Limits a system refuses are left out; the parent's wall time always holds.
        """
        for kind, limit in (
            (resource.RLIMIT_AS, memory_bytes),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_NOFILE, _OPEN_FILES),
        ):
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(kind, (limit, limit))
        if sys.platform == "linux":
            import ctypes

            prctl = ctypes.CDLL(None).prctl
            prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
            prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)

    def limit_cpu(seconds: int) -> None:
        """Let this process use at most ``seconds`` more of CPU time, then it is killed."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + seconds, hard))

    def group_options() -> dict[str, Any]:
        """Subprocess arguments that put the child into a group of its own, out of the terminal's Ctrl-C."""
        return {"start_new_session": True}

    def kill_group(pid: int) -> None:
        """End a process made with `group_options`, and all it started, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)

    def resident_bytes(pid: int) -> int | None:
        """The memory a process occupies, in bytes; None where the system does not tell (no /proc)."""
        try:
            with open(f"/proc/{pid}/statm", "rb") as statm:  # noqa: PTH123 - pathlib is slow to load, and this hot
                return int(statm.read().split()[1]) * resource.getpagesize()
        except (OSError, IndexError, ValueError):
            return None

    def return_memory() -> None:
        """Give back what was freed after much was built; glibc, which alone keeps it, is asked to."""
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)

    def keep_one_heap() -> None:
        """Let all threads allocate from one heap: glibc gives each one its own, and what they free stays theirs."""
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(_MOST_HEAPS, 1)

    def on_stop(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
        """Call back, in the loop, when the user or the system asks this process to stop."""
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, callback)
