"""What to search for in each language: the terms of each work, kept in a file that people write."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from config.errors import ConfigError

FILE_NAME = "terms.toml"  # in the data folder: a table for each work, in it a list of terms for each language
_LARGEST_FILE = 5_000_000

_Term = Annotated[str, Field(min_length=1, max_length=200)]
_Language = Annotated[str, Field(pattern="^[a-z]{2}$")]
_FILE = TypeAdapter(dict[str, dict[_Language, list[_Term]]])

Terms = Mapping[str, Mapping[str, Sequence[str]]]


@dataclass(frozen=True, slots=True)
class WorkTerms:
    """What to search for to find one work in one language; without terms the language is missing."""

    work: str
    language: str
    terms: tuple[str, ...]


def read_terms(data_dir: Path, works: Iterable[str]) -> Terms:
    """The terms by work and language; empty where there is no file.

    Raises:
        ConfigError: The file is wrong, or names a work that is not registered.
    """
    file = data_dir / FILE_NAME
    if not file.exists():
        return {}
    try:
        if file.stat().st_size > _LARGEST_FILE:
            raise ConfigError(f"{file} is larger than {_LARGEST_FILE // 1_000_000} MB")
        terms = _FILE.validate_python(tomllib.loads(file.read_text("utf-8")), strict=True)
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{file}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    registered = list(works)
    for title in terms:
        if title not in registered:
            near = difflib.get_close_matches(title, registered, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ConfigError(f"{file}: {title}: no work has this title{hint}")
    return terms


def terms_in(terms: Terms, works: Iterable[str], language: str) -> list[WorkTerms]:
    """The terms of every work in a language, each term once; works without any are there too."""
    return [WorkTerms(work, language, tuple(dict.fromkeys(terms.get(work, {}).get(language, ())))) for work in works]
