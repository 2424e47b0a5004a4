"""From the picture a page shows to the largest one its marketplace keeps, where a rule is known."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from monitor.marketplaces.urls import absolute, absolutes, on_host

_RESIZED = re.compile(r"(\.(?:jpe?g|png|webp|gif))(?:[_.].*)$", re.IGNORECASE)  # .jpg_460x460q100.jpg_.webp
_EBAY = re.compile(r"^/(?:thumbs/)?(?:images/g|d/l\d+/m|g)/([\w~-]{8,40})/s-l\d{1,4}\.\w{3,4}$")
_ETSY = re.compile(r"^(?:/c/\d+/\d+/\d+/\d+)?(/il/|/\d+/c/\d+/\d+/\d+/\d+/il/|/\d+/r/il/|/r/il/)")
_ETSY_SIZE = re.compile(r"/il_(?:\d+x(?:\d+|N)|fullxfull)\.")
_ETSY_CROP = re.compile(r"/c/\d+/\d+/\d+/\d+/il/")
_AMAZON = re.compile(r"(/images/[A-Z]/[\w%+-]+)\._[^/]*_(\.\w{3,4})$")
_MERCADO = re.compile(r"-[A-EG-NP-Z](\.(?:jpg|webp|png))$")
_MERCARI = re.compile(r"^/(?:c!/[^/]+/)?thumb/photos/|^/c!/[^/]+/item/detail/orig/photos/")
_SHOPIFY_SIZE = re.compile(
    r"_(?:\{width\}x|\d{1,4}x\d{0,4}|x\d{1,4}|pico|icon|thumb|small|compact|medium|large|grande|master)(?:_crop_\w+)?(?:@\dx)?"
    r"(?=(?:\.progressive)?\.(?:jpe?g|png|gif|webp|avif)$)",
    re.IGNORECASE,
)
_SHOPIFY_KEYS = frozenset({"width", "height", "crop", "pad_color", "format", "quality"})
_DHGATE = re.compile(r"^/(?:\d+x\d+|0x0s?)/")
# The folder that browsers save a page's pictures into, in the languages they name it in.
_SAVED_FOLDER = re.compile(
    r"(?![a-zA-Z][\w+.-]*:)[^/?#]+(?:_files|-Dateien|_fichiers|_archivos|_arquivos|_bestanden|_pliki|\.files)/"
)
_WOO_SIZE = re.compile(r"-\d{2,4}x\d{2,4}(\.(?:jpe?g|png|webp|gif))$", re.IGNORECASE)


def _alibaba(path: str) -> str:
    return _RESIZED.sub(r"\1", path)


def _ebay(path: str) -> str:
    return _EBAY.sub(r"/images/g/\1/s-l1600.jpg", path)


def _etsy(path: str) -> str:
    return _ETSY_SIZE.sub("/il_fullxfull.", _ETSY_CROP.sub("/r/il/", path))


def _amazon(path: str) -> str:
    return _AMAZON.sub(r"\1\2", path)


def _mercado(path: str) -> str:
    return _MERCADO.sub(r"-O\1", path)


def _mercari(path: str) -> str:
    return _MERCARI.sub("/item/detail/orig/photos/", path)


def _shopee(path: str) -> str:
    return path.removesuffix("_tn") if path.startswith("/file/") else path


def _tokopedia(path: str) -> str:
    return re.sub(r"^/img/cache/\d+(?:-square)?/", "/img/cache/700/", path)


def _yandex(path: str) -> str:
    return re.sub(r"^(/get-(?:mpic|marketpic)/\d+/[^/]+)/[^/]+$", r"\1/orig", path)


def _wildberries(path: str) -> str:
    return re.sub(r"(/images)/[^/]+/(\d+\.\w+)$", r"\1/big/\2", path)


def _dhgate(path: str) -> str:
    return _DHGATE.sub("/0x0/", path)


def _wix(path: str) -> str:
    return path.partition("/v1/")[0]


def _same(path: str) -> str:
    return path


# marketplaces.md 0.4: image hosts, the rule for the path, and whether the query only asks for a size.
_RULES: tuple[tuple[frozenset[str], Callable[[str], str], bool], ...] = (
    (frozenset({"alicdn.com", "aliexpress-media.com", "lazcdn.com", "slatic.net"}), _alibaba, True),
    (frozenset({"ebayimg.com"}), _ebay, True),
    (frozenset({"etsystatic.com"}), _etsy, True),
    (frozenset({"media-amazon.com", "ssl-images-amazon.com"}), _amazon, True),
    (frozenset({"walmartimages.com"}), _same, True),
    (frozenset({"mlstatic.com"}), _mercado, True),
    (frozenset({"mercdn.net"}), _mercari, False),
    (frozenset({"susercontent.com"}), _shopee, True),
    (frozenset({"tokopedia.net"}), _tokopedia, True),
    (frozenset({"mds.yandex.net"}), _yandex, True),
    (frozenset({"dhresource.com"}), _dhgate, True),
    (frozenset({"wbbasket.ru"}), _wildberries, True),
    (frozenset({"wixstatic.com"}), _wix, True),
    (frozenset({"squarespace-cdn.com"}), _same, True),
)

_RULED = ("cdn.shopify.com", *(host for hosts, _, _ in _RULES for host in hosts))


def full_size(url: str) -> str:
    """The largest size of the picture that is known by rule; the same address where no rule is known.

    Signed addresses (Vinted, Facebook) are never touched: their signature is for one size.
    """
    if not _has_rule(url[: url.find("/", 8)]) and "/cdn/shop/" not in url:
        return url
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if host == "cdn.shopify.com" or parts.path.startswith("/cdn/shop/"):
        pairs = [(key, value) for key, value in parse_qsl(parts.query) if key not in _SHOPIFY_KEYS]
        return urlunsplit(parts._replace(path=_SHOPIFY_SIZE.sub("", parts.path), query=urlencode(pairs)))
    for hosts, rule, drops_query in _RULES:
        if on_host(host, hosts):
            query = "" if drops_query else parts.query
            return urlunsplit(parts._replace(scheme="https", path=rule(parts.path), query=query, fragment=""))
    return url


@lru_cache(maxsize=256)
def _has_rule(origin: str) -> bool:
    return any(host in origin.lower() for host in _RULED)


def wordpress_full_size(url: str) -> str:
    """WordPress keeps ``name-300x300.jpg`` beside ``name.jpg``."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=_WOO_SIZE.sub(r"\1", parts.path)))


def full_sizes(base: str, sources: Iterable[object]) -> tuple[str, ...]:
    """Absolute http(s) addresses of the pictures in full size, each once, in order; at most 50.

    Paths that a browser wrote when it saved the page lead nowhere and are left out.
    """
    found = [absolute_picture(base, source) for source in sources if isinstance(source, str)]
    return tuple(dict.fromkeys([full_size(url) for url in found if url]))[:50]


def full_sizes_of(base: str, several: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """`full_sizes` of each card's pictures; where every card shows one by its path, they are looked at together."""
    paths = [sources[0] for sources in several if len(sources) == 1 and sources[0][:1] == "/"]
    if len(paths) != len(several):
        return [full_sizes(base, sources) for sources in several]
    urls = absolutes(base, paths)
    together = "\n".join(url or "" for url in urls).lower()
    may_grow = "/cdn/shop/" in together or any(host in together for host in _RULED)
    return [(full_size(url) if may_grow else url,) if url else () for url in urls]


def absolute_picture(base: str, source: str) -> str | None:
    """The http(s) address of a picture, None for data, blobs and paths into a saved page's folder."""
    if not source.startswith(("/", "http:", "https:")) and (
        source.lstrip()[:6].lower().startswith(("data:", "blob:", "file:", "about:")) or is_local(source)
    ):
        return None
    return absolute(base, source)


def is_local(source: str) -> bool:
    """Whether a browser wrote this path when it saved the page: relative, into a folder beside the page."""
    text = source.strip()
    return text.startswith(("./", ".\\")) or _SAVED_FOLDER.match(text) is not None
