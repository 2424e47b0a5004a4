"""A sandbox child whose tasks misbehave as their payload says. Run as the real one is: ``hostile_child.py KIND MB``."""

import os
import signal
import socket
import sys
import time
from pathlib import Path

from detectors import errors
from monitor import child

_kept = []


def act(header, payload):
    name, _, argument = payload.decode().partition(" ")
    if name != "arrays":
        return ACTIONS[name](argument), []
    import numpy as np

    return argument, [np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros((0, 4), np.uint8)]


def spin(_):
    while True:
        pass


def grow(argument):
    for _ in range(int(argument)):
        _kept.append(bytearray(os.urandom(1 << 20)))
        time.sleep(0.001)


def reject(_):
    raise errors.ImageTooSmall("20 px")


def fault(_):
    raise RuntimeError("a fault of ours")


def write_raw(data):
    os.write(ANSWERS, data)
    time.sleep(60)


def write_file(path):
    try:
        Path(path).write_bytes(b"x")
    except OSError as error:
        return type(error).__name__
    return "written"


def silence(_):
    os.close(ANSWERS)
    time.sleep(60)


ACTIONS = {
    "echo": lambda argument: argument,
    "pid": lambda _: os.getpid(),
    "environment": lambda _: dict(os.environ),
    "modules": lambda _: sorted(sys.modules),
    "hang": lambda _: time.sleep(60),
    "spin": spin,
    "grow": grow,
    "allocate": lambda argument: len(bytearray(int(argument) << 20)),
    "crash": lambda _: os.kill(os.getpid(), signal.SIGSEGV),
    "exit": lambda _: os._exit(3),
    "reject": reject,
    "fault": fault,
    "print": lambda _: os.write(1, b"noise" * 100) and sys.stderr.write("more noise"),
    "lie": lambda _: write_raw(b"\xff" * 8 + b"{}"),
    "nonsense": lambda _: write_raw(b"\x00\x00\x00\x03\x00\x00\x00\x00abc"),
    "deep": lambda _: write_raw((100_000).to_bytes(4, "big") + bytes(4) + b"[" * 100_000),
    "object": lambda _: write_raw(
        (66).to_bytes(4, "big") + (8).to_bytes(4, "big") + b'{"result":1,"arrays":[["|O8",[1]]]}'.ljust(66) + bytes(8)
    ),
    "flood": lambda _: write_raw((30 << 20).to_bytes(4, "big") + (60 << 20).to_bytes(4, "big") + bytes(20 << 20)),
    "silence": silence,
    "write": write_file,
    "no_new_privileges": lambda _: Path("/proc/self/status").read_text().partition("NoNewPrivs:\t")[2][:1],
    "socketpair": lambda _: len([socket.socketpair() for _ in range(100)]),
}


if __name__ == "__main__":
    child.KINDS = {"page": lambda: {"parse": act}, "picture": lambda: {"describe": act}, "unloadable": lambda: 1 / 0}
    claim = child._claim_streams

    def claim_and_note():
        global ANSWERS
        requests, answers = claim()
        ANSWERS = answers.fileno()
        return requests, answers

    child._claim_streams = claim_and_note
    child.main(sys.argv[1], int(sys.argv[2]))
