"""The limited child process: reads tasks on its standard input, answers on its standard output, nothing else.

Started by `monitor.sandbox` as ``python -P -m monitor.child KIND MEMORY_MB``. What a kind of task needs is imported
when the first one comes, so that a child that only parses pages never loads numpy.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from monitor import posix, wire

if TYPE_CHECKING:
    import numpy as np

    from monitor.marketplaces.base import Marketplace

    Answer = tuple[dict[str, Any], Sequence[np.ndarray[Any, Any]]]
    Task = Callable[[dict[str, Any], bytes], Answer]


def _load_pages() -> dict[str, Task]:
    from monitor import marketplaces

    def parse(header: dict[str, Any], body: bytes) -> Answer:
        page = wire.page_from_json(header["page"], body)
        known = _known(header["described"])
        return wire.parsed_to_json(marketplaces.parse(page, header["marketplace"], known)), ()

    def diagnose(header: dict[str, Any], body: bytes) -> Answer:
        from monitor.marketplaces.described import site_from_json
        from monitor.marketplaces.diagnosis import diagnose

        page = wire.page_from_json(header["page"], body)
        site = site_from_json(header["described"][0])
        parsed = marketplaces.parse(page, site.name, _known(header["described"]))
        return {"rows": diagnose(site, page), "parsed": wire.parsed_to_json(parsed)}, ()

    def _known(described: list[str]) -> dict[str, Marketplace]:
        if not described:
            return marketplaces.MARKETPLACES
        from monitor.marketplaces.described import site_from_json  # pydantic: only where a site is described

        return {site.name: site for site in map(site_from_json, described)} | marketplaces.MARKETPLACES

    return {"parse": parse, "diagnose": diagnose}


def _load_saved() -> dict[str, Task]:
    from monitor.saved import addresses, containers, sheets

    return {
        "unpack": lambda header, _: containers.unpack(header["file"], header["form"], header["start"]),
        "workbook": lambda header, _: ({"lines": addresses.addresses_in_workbook(header["file"])}, ()),
        "rows": lambda header, _: ({"rows": next(iter(sheets.sheets_of(header["file"])), [])}, ()),
    }


def _load_mails() -> dict[str, Task]:
    from monitor.complaints.mails import read_mail

    return {"mail": lambda header, data: (read_mail(data, header["trusted_server"]).to_wire(), ())}


def _load_pictures() -> dict[str, Task]:
    import numpy as np

    from detectors.decode import decode_image
    from detectors.describe import describe, describe_reference
    from detectors.glance import glance
    from detectors.thumbnail import thumbnail

    def small(header: dict[str, Any], data: bytes) -> Answer:
        return {}, [np.frombuffer(thumbnail(data, header["side_px"]), dtype=np.uint8)]

    def drawn(header: dict[str, Any], data: bytes) -> Answer:
        from detectors.explain import comparison, side_by_side
        from detectors.model import Match, Region

        facts = header["match"]
        regions = {name: Region(**facts[name]) for name in ("region", "reference_region")}
        both = data[: header["reference_size"]], data[header["reference_size"] :]
        form = header["form"]
        placed = facts["placement"]
        found = Match(**facts | regions)
        shown = comparison(*both, found, form) if placed else side_by_side(*both, found.region, form)
        return {}, [np.frombuffer(shown, dtype=np.uint8)]

    return {
        "thumbnail": small,
        "glance": lambda _, data: glance(data).to_wire(),
        "pixels": lambda header, data: ({}, [np.asarray(decode_image(data, header["side_px"]))]),
        "comparison": drawn,
        "describe": lambda _, data: describe(data).to_wire(),
        "describe_reference": lambda _, data: describe_reference(data).to_wire(),
    }


KINDS: dict[str, Callable[[], dict[str, Task]]] = {
    "page": _load_pages,
    "picture": _load_pictures,
    "saved": _load_saved,
    "mail": _load_mails,
}


def main(kind: str, memory_mb: int) -> None:
    """Serve tasks until standard input ends. The limits fall after the first kind's imports and before any task."""
    requests, answers = _claim_streams()
    tasks: dict[str, Task] = {}

    def load(header: dict[str, Any], _: bytes) -> Answer:
        tasks.update(KINDS[header["kind"]]())
        return {"ready": header["kind"]}, ()

    _answer(answers, load, {"kind": kind}, b"")
    posix.limit_process(memory_mb << 20)
    tasks["load"] = load
    while (frame := _receive(requests)) is not None:
        header, payload = frame
        posix.limit_cpu(header["cpu_s"])
        _answer(answers, tasks[header["task"]], header, payload)


def _answer(answers: BinaryIO, task: Task, header: dict[str, Any], payload: bytes) -> None:
    try:
        result, arrays = task(header, payload)
    except Exception as error:  # one unit of work ends here: whatever the input broke is the parent's to judge
        _send(answers, {"error": type(error).__name__, "message": str(error)[:500]})
        return
    _send(answers, {"result": result, "arrays": [[a.dtype.str, list(a.shape)] for a in arrays]}, arrays)


def _claim_streams() -> tuple[BinaryIO, BinaryIO]:
    """The pipes to the parent, out of reach of libraries that print: what they say goes nowhere."""
    requests, answers = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    os.close(nowhere)
    return os.fdopen(requests, "rb", buffering=1 << 16), os.fdopen(answers, "wb", buffering=0)


def _receive(requests: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    lengths = requests.read(wire.LENGTHS.size)
    if len(lengths) < wire.LENGTHS.size:
        return None
    header_size, payload_size = wire.LENGTHS.unpack(lengths)
    return wire.unpack(requests.read(header_size)), requests.read(payload_size)


def _send(answers: BinaryIO, header: dict[str, Any], arrays: Sequence[np.ndarray[Any, Any]] = ()) -> None:
    frame = wire.pack(header, sum(array.nbytes for array in arrays)) + b"".join(array.tobytes() for array in arrays)
    view = memoryview(frame)
    while view:
        view = view[answers.write(view) :]


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
