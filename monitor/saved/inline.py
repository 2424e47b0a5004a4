"""Pictures that stand inside a page as ``data:`` addresses, as SingleFile saves them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

FOLDER = "./inline"
_SMALLEST = 400  # bytes as base64: below it are placeholders, which the parsers know as such
_DATA = re.compile(
    rb"data:image/(png|jpe?g|webp|gif|avif|bmp);base64,([A-Za-z0-9+/\s]{%d,}={0,2})" % _SMALLEST, re.IGNORECASE
)
# SingleFile keeps a picture that occurs twice once, as a style's variable, and shows it behind an empty one.
_VARIABLE = re.compile(rb"--sf-img-(\d{1,6}):\s*url\([\"']?(%s/[\w.]{1,80})" % re.escape(FOLDER.encode()))
_IMAGE = re.compile(rb"<img\b[^>]{0,8000}>", re.IGNORECASE)
_USES = re.compile(rb"var\(--sf-img-(\d{1,6})\)")
_SOURCE = re.compile(rb"\ssrc=(\"[^\"]{0,4000}\"|'[^']{0,4000}'|[^\s>\"']{1,4000})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Unfolded:
    """A page whose inner pictures became files beside it: the page as it then reads, and the files by their paths."""

    body: bytes
    pictures: Mapping[str, bytes] = field(default_factory=dict)


def unfold(body: bytes) -> Unfolded:
    """Take the pictures out of a page; every pattern is bounded, so that the time grows with the page alone."""
    if b";base64," not in body:
        return Unfolded(body)
    pictures: dict[str, bytes] = {}

    def keep(match: re.Match[bytes]) -> bytes:
        try:
            data = base64.b64decode(match[2])
        except (binascii.Error, ValueError):
            return match[0]
        path = f"{FOLDER}/{hashlib.sha256(data).hexdigest()[:32]}.{match[1].decode().lower()}"
        pictures[path] = data
        return path.encode()

    text = _DATA.sub(keep, body)
    variables: dict[bytes, bytes] = dict(_VARIABLE.findall(text))

    def show(match: re.Match[bytes]) -> bytes:
        used = _USES.search(match[0])
        path = variables.get(used[1]) if used else None
        if path is None:
            return match[0]
        tag = _SOURCE.sub(b"", match[0])
        return tag[:4] + b' src="' + path + b'"' + tag[4:]

    return Unfolded(_IMAGE.sub(show, text) if variables else text, pictures)
