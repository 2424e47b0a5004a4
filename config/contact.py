"""Where marketplaces can reach whoever asks them, written into the settings file by those who never opened one."""

from __future__ import annotations

import json
import os
import re
import tempfile
import tomllib
from pathlib import Path

from config.errors import ConfigError
from config.settings import FILE_NAME

_HEAD = "# `bazaarwatch settings` lists everything that can be set.\n"


def write_contact(folder: Path, contact: str) -> Path:
    """Set ``fetch.contact`` in the settings file of a data folder, and leave all else in it as it is; the file.

    Raises:
        ConfigError: The file cannot be written, or holds the setting in a form that is not changed here.
    """
    file = folder / FILE_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        present = file.read_text("utf-8") if file.exists() else _HEAD
        changed = _with_contact(present, contact)
        if changed is None:
            raise ConfigError(f"{file}: write contact = {json.dumps(contact)} under [fetch] by hand")
        handle, made = tempfile.mkstemp(dir=folder, prefix=f".{FILE_NAME}-")  # for this user alone to read
        with os.fdopen(handle, "w", encoding="utf-8") as new:
            new.write(changed)
        Path(made).replace(file)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be written: {error.strerror or error}") from None
    return file


def _with_contact(text: str, contact: str) -> str | None:
    """The file's text with the contact in it; None where that would change something else."""
    known, line = tomllib.loads(text), f"contact = {json.dumps(contact)}\n"
    if "fetch" not in known:
        changed = f"{text.rstrip()}\n\n[fetch]\n{line}"
    elif "contact" not in known["fetch"]:
        changed = re.sub(r"(?m)^(\[fetch\].*\n?)", lambda found: f"{found[1].rstrip()}\n{line}", text, count=1)
    else:
        changed = re.sub(r"(?m)^contact\s*=.*\n?", lambda _: line, text, count=1)
    wanted = known | {"fetch": known.get("fetch", {}) | {"contact": contact}}
    try:
        return changed if tomllib.loads(changed) == wanted else None
    except tomllib.TOMLDecodeError:
        return None
