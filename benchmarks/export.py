"""How long a complaint about many listings takes to leave, as a person counts it: `python benchmarks/export.py 1000`.

Plants decided alerts in a folder of its own, lets a person confirm a complaint about them (at Etsy, whose pack knows no
limit), and runs `bazaarwatch complaints export` as a process: first without its evidence, then with it. Prints CPU
seconds of the process with its children, wall time, and bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

from evidence import plant

from config.settings import load
from detectors.model import Answer
from detectors.rights import FirstPublication, Right, RightKind
from monitor.daemon import build
from monitor.desk import filing
from storage import tables
from storage.cases import decide_all
from storage.rights import add_right

_PERSON = "Mira Moss"


async def _confirmed(data: Path, count: int) -> int:
    """The id of a confirmed complaint about so many listings."""
    async with build(load(data, {})) as parts:
        alert_ids = await plant(parts, count, "https://www.etsy.com/listing/{}")
        right = Right(
            kind=RightKind.COPYRIGHT_UNREGISTERED,
            title="Work",
            holder=_PERSON,
            claim_number="UC-BENCH-1",
            first_publication=FirstPublication(date(2024, 5, 1), "miramoss.example", "https://miramoss.example/work"),
        )
        now = datetime.now(UTC)
        async with parts.database.write("right") as session:
            row = tables.Right(owner_id=1, kind=right.kind, title="Work", number="UC-BENCH-1", facts=right.to_wire())
            await add_right(session, now, "bench", row, [1])
            await decide_all(session, alert_ids, Answer.INFRINGING, "bench", now)
        drafting = await filing.draft_complaints(parts, 1, "etsy", "bench")
        (complaint_id,) = drafting.complaint_ids
        await filing.consider(parts, complaint_id, _PERSON, alert_ids, seen=True)
        await filing.confirm(parts, complaint_id, _PERSON)
        return complaint_id


def _export(data: Path, complaint_id: int, *options: str) -> Path:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [
        sys.executable,
        "-m",
        "monitor",
        "--data",
        str(data),
        "complaints",
        "export",
        str(complaint_id),
        *options,
    ]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    after, took = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - began
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    folder = Path(done.stdout.strip())
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"export {' '.join(options)}: {cpu:.1f} s CPU, {took:.1f} s, {size / 1e6:.1f} MB")
    return folder


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=1000)
    count = parser.parse_args().count
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        complaint_id = asyncio.run(_confirmed(data, count))
        print(f"{count} listings; load {os.getloadavg()[0]:.1f}")
        _export(data, complaint_id, "--no-evidence")
        _export(data, complaint_id)


if __name__ == "__main__":
    main()
