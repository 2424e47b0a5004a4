"""Addresses: absolute, of the right host, without what only tracks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from urllib.parse import SplitResult, parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

# marketplaces.md 0.5, and the click ids of the large advertisers.
_TRACKING = frozenset(
    {
        "ref",
        "ref_",
        "spm",
        "scm",
        "pvid",
        "hash",
        "_skw",
        "itmmeta",
        "itmprp",
        "amdata",
        "gatewayadapt",
        "fbclid",
        "gclid",
        "dclid",
        "msclkid",
        "yclid",
        "igshid",
        "mc_cid",
        "mc_eid",
        "_pos",
        "_sid",
        "_ss",
        "_psq",
        "_fid",
        "srsltid",
        "click_key",
        "click_sum",
        "algo_pvid",
        "algo_exp_id",
        "aff_platform",
        "aff_trace_key",
        "sk",
    }
)
_LONGEST = 4096
# What needs no normalising: most links, at a tenth of the cost.
_PLAIN_ADDRESS = re.compile(r"https?://[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}/[!\"$-\[\]-~]*")
_NOT_PLAIN = re.compile(r"[^!\"$-\[\]-~\n]")
_PLAIN_PATH = re.compile(r"/(?!/)[!\"$-\[\]-~]*")


def split(url: str | None) -> SplitResult | None:
    """The parts of an http(s) address; ``netloc`` is the bare lower-case host. None for anything else.

    ``//host/path`` counts as https. Addresses with a user name are refused: they only serve to look like others.
    """
    if not url or len(url) > _LONGEST:
        return None
    text = url.strip()
    if text.startswith("//"):
        text = f"https:{text}"
    try:
        parts = urlsplit(text)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
            return None
        host = parts.hostname.rstrip(".")
        host.encode("idna" if not host.isascii() else "ascii")
    except (ValueError, UnicodeError):
        return None
    if parts.username is not None or not host or any(character in host for character in " %\\\"'<>|^`{}"):
        return None
    return parts._replace(netloc=host)


def host_of(url: str | None) -> str:
    """The lower-case host; empty where ``split`` refuses the address."""
    parts = split(url)
    return parts.netloc if parts else ""


def path_of(url: str) -> str:
    """Host and path, which tell one page of a shop from its others, and the product where one path serves all.

    Empty for a shop's first page.
    """
    parts = split(url)
    if parts is None or not parts.path.strip("/"):
        return ""
    product = query_value(parts, "product_id", "products_id")
    return f"{parts.netloc}{parts.path}" + (f"?product_id={product}" if product else "")


def on_host(host: str, hosts: Iterable[str]) -> bool:
    """Whether the host is one of these or below one: ``www.ebay.com`` is on ``ebay.com``, ``myebay.com`` is not."""
    return any(host == known or host.endswith(f".{known}") for known in hosts)


def absolute(base: str, href: str | None) -> str | None:
    """The http(s) address that a link on page ``base`` leads to, without fragment; None if there is none."""
    if not href or len(href) > _LONGEST:
        return None
    if _PLAIN_PATH.fullmatch(href):
        if "/." not in href:
            root = _root(base)
            return f"{root}{href}" if root else None
    elif _PLAIN_ADDRESS.fullmatch(href):
        return href
    if href[0] == "#" or not is_encodable(href):
        return None
    text = "".join(href.split("\t")).strip().replace("\n", "").replace("\r", "")
    try:
        joined = urljoin(base, text) if base else text
    except ValueError:
        return None
    whole = f"https:{joined}" if joined.startswith("//") else joined
    try:
        parts = urlsplit(whole)
        host, scheme = parts.hostname, parts.scheme
        port = parts.port
    except ValueError:
        return None
    if scheme not in {"http", "https"} or not host or parts.username is not None or "." not in f"{host}.":
        return None
    netloc = (f"[{host}]" if ":" in host else host) + (f":{port}" if port is not None else "")
    return urlunsplit(parts._replace(netloc=netloc, fragment="", path=parts.path.replace(" ", "%20")))


def absolutes(base: str, hrefs: Sequence[str]) -> Sequence[str | None]:
    """`absolute` of each; the links of a page are mostly plain paths, and then looked at together."""
    root = _root(base)
    return (
        [f"{root}{href}" for href in hrefs] if root and are_paths(hrefs) else [absolute(base, href) for href in hrefs]
    )


def are_paths(hrefs: Sequence[str]) -> bool:
    """Whether each is a path that needs no normalising."""
    together = "\n" + "\n".join(hrefs)
    if together.count("\n/") != len(hrefs) or together.count("\n") != len(hrefs):
        return False
    odd = "\n//" in together or "/." in together or _NOT_PLAIN.search(together)
    return not odd and max(map(len, hrefs), default=0) <= _LONGEST


def is_encodable(text: str) -> bool:
    """Whether the text holds no lone surrogates, which JSON may smuggle in and no file, socket or table takes."""
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


@lru_cache(maxsize=64)
def _root(base: str) -> str:
    whole = absolute(base, "./")
    parts = urlsplit(whole) if whole else None
    return f"{parts.scheme}://{parts.netloc}" if parts else ""


def same_site(url: str | None, page_url: str) -> str | None:
    """The address if it leads to the page's own host and port, else None."""
    if url is None:
        return None
    here, there = urlsplit(page_url), urlsplit(url)
    bare_here, bare_there = (parts.netloc.lower().removeprefix("www.") for parts in (here, there))
    return url if bare_here == bare_there else None


def without_tracking(url: str) -> str:
    """The address with a lower-case host, without fragment and without the keys known to only track."""
    try:
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        return url
    kept = [(key, value) for key, value in pairs if key.lower() not in _TRACKING and not key.lower().startswith("utm_")]
    query = parts.query if len(kept) == len(pairs) else urlencode(kept)
    return urlunsplit(parts._replace(netloc=parts.netloc.lower(), query=query, fragment=""))


def query_value(parts: SplitResult, *keys: str) -> str | None:
    """The first value that the query gives to one of the keys."""
    try:
        values = dict(reversed(parse_qsl(parts.query, max_num_fields=100)))
    except ValueError:
        return None
    return next((values[key] for key in keys if values.get(key)), None)
