"""Policy packs from their files: those that are installed, and an operator's own in the data folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from monitor.complaints.errors import PolicyError
from monitor.complaints.policy import Policy

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster where libyaml is there
_COMMON = "_common"  # what packs have in common; no platform
_LIMIT_BYTES = 2 << 20


@dataclass(frozen=True, slots=True)
class Change:
    """One value that differs between two packs; None where it is not there."""

    path: str
    before: Any
    after: Any


def platforms(folder: Path | None = None) -> tuple[str, ...]:
    """The names of all policy packs: those installed, and those in an operator's folder.

    Args:
        folder: With the operator's own packs, NAME.yaml; it need not exist.
    """
    own = {file.stem for file in folder.glob("*.yaml")} if folder else set()
    return tuple(sorted({*_installed(), *own}))


def policy(platform: str, folder: Path | None = None) -> Policy:
    """The policy pack of a platform, checked; an operator's own pack goes before the installed one of its name.

    Raises:
        PolicyError: There is no such pack, or it does not hold.
    """
    own = folder / f"{platform}.yaml" if folder and platform in platforms(folder) else None
    if own is None or not own.is_file():
        return _installed_policy(platform)
    pack = _file_policy(own, (own.stat().st_mtime_ns, own.stat().st_size))
    if pack.platform != platform:
        raise PolicyError(f"{own}: platform: says {pack.platform!r}; name the file {pack.platform}.yaml")
    return pack


def read_policy(file: Path) -> Policy:
    """The pack in a file, YAML or the JSON of an exported complaint; ``extends`` names an installed pack.

    Raises:
        PolicyError: It cannot be read or does not hold; the message names the file and every place, a line each.
    """
    try:
        if file.stat().st_size > _LIMIT_BYTES:
            raise PolicyError(f"{file}: larger than {_LIMIT_BYTES >> 20} MiB; that is no policy pack")
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"{file}: cannot be read: {error}") from error
    return _parse(text, str(file))


def home_of(url: str, folder: Path | None = None) -> str | None:
    """The platform that names the host of an address as its own; None where only a general pack takes it."""
    for name in platforms(folder):
        pack = policy(name, folder)
        site = pack.site_of(url)
        if site is not None and pack.sites[site].value.hosts:
            return name
    return None


def changes(before: Policy, after: Policy) -> Iterator[Change]:
    """Every value that differs between two packs, by path, in the order of the newer one."""
    one, other = (dict(_leaves("", pack.model_dump(mode="json", by_alias=True))) for pack in (before, after))
    for path in dict.fromkeys((*other, *one)):
        if one.get(path) != other.get(path):
            yield Change(path, one.get(path), other.get(path))


@cache
def _installed() -> tuple[str, ...]:
    folder = resources.files("monitor.complaints") / "policies"
    names = (file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))
    return tuple(name for name in names if not name.startswith("_"))


@cache
def _installed_policy(platform: str) -> Policy:
    return _parse(_installed_text(platform), f"policies/{platform}.yaml")


@lru_cache(maxsize=64)
def _file_policy(file: Path, _state: tuple[int, int]) -> Policy:
    return read_policy(file)


def _installed_text(platform: str) -> str:
    if platform not in (*_installed(), _COMMON):
        raise PolicyError(f"no policy pack for {platform!r}; there are {', '.join(sorted(_installed()))}")
    return (resources.files("monitor.complaints") / "policies" / f"{platform}.yaml").read_text(encoding="utf-8")


def _parse(text: str, name: str) -> Policy:
    try:
        return Policy.model_validate(_extended(text))
    except ValidationError as error:
        places = (f"  {'.'.join(map(str, one['loc'])) or 'pack'}: {one['msg']}" for one in error.errors())
        raise PolicyError("\n".join((f"{name} does not hold:", *places))) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise PolicyError(f"{name}: is no YAML: {' '.join(str(error).split())}") from error
    except TypeError as error:
        raise PolicyError(f"{name}: {error}") from error


def _extended(text: str) -> dict[str, Any]:
    """The pack's tree; with ``extends``, the installed pack's with this one's values laid over it.

    Mappings are merged, facts (whatever has a ``value``) and lists replaced whole, and null takes a value away.
    ``replace`` names top-level parts of which nothing is inherited.
    """
    own = yaml.load(text, Loader=_LOADER)  # noqa: S506  both are safe loaders
    if not isinstance(own, dict):
        raise TypeError("a policy pack is a mapping; see `bazaarwatch policies show NAME`")
    base, replaced = own.pop("extends", None), own.pop("replace", [])
    if base is None:
        return own
    inherited = _extended(_installed_text(base))
    for part in replaced:
        inherited.pop(part, None)
    return _laid_over(inherited, own)


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(under, dict) and "value" not in value:
            merged[key] = _laid_over(under, value)
        else:
            merged[key] = value
    return merged


def _leaves(path: str, tree: Any) -> Iterator[tuple[str, Any]]:
    """Facts without where they come from, and what is no fact, each with its path."""
    if isinstance(tree, dict) and {"value", "source", "confidence"} <= set(tree):
        yield path, tree
    elif isinstance(tree, dict) and tree:
        for key, inner in tree.items():
            yield from _leaves(f"{path}.{key}" if path else str(key), inner)
    elif isinstance(tree, list) and tree and isinstance(tree[0], dict):
        for position, inner in enumerate(tree):
            yield from _leaves(f"{path}.{position}", inner)
    else:
        yield path, tree
