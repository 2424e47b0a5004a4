"""Settings: defaults, then a TOML file, then the environment, as one frozen, typed object."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Literal, Self

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from config.errors import ConfigError

FILE_NAME = "bazaarwatch.toml"
EMBEDDED = "bazaarwatch.db"  # the SQLite file in the data folder
_PREFIX = "BAZAARWATCH_"
_DELIMITER = "__"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DatabaseSettings(_Section):
    """Where the tables are."""

    url: SecretStr
    listen_url: SecretStr
    pool_size: int = Field(ge=2)
    crash_at: int = Field(ge=0)


class BlobsSettings(_Section):
    """Where pictures, pages and evidence are."""

    url: str = Field(pattern="^(s3://[^/]+.*)?$")
    endpoint: str
    region: str
    access_key_id: str
    secret_access_key: SecretStr


class FetchSettings(_Section):
    """How the only door to the network behaves."""

    contact: str
    own_addresses: tuple[str, ...]
    pace_s: float = Field(ge=0.5)
    own_pace_s: float = Field(ge=0)
    timeout_s: float = Field(gt=0)
    connect_timeout_s: float = Field(gt=0)
    max_bytes: int = Field(gt=0)
    max_decoded_bytes: int = Field(gt=0)
    max_redirects: int = Field(ge=0)
    retries: int = Field(ge=0)
    max_wait_s: float = Field(ge=0)
    respect_robots: bool
    requests_per_day: int = Field(ge=0)
    proxy: SecretStr


class EbaySettings(_Section):
    """The account at eBay's developer programme, and the national site that is searched."""

    client_id: str
    client_secret: SecretStr
    site: str = Field(pattern=r"^EBAY_[A-Z]{2,12}$")
    requests_per_day: int = Field(ge=1)


class EtsySettings(_Section):
    """The application registered with Etsy's Open API."""

    keystring: str
    shared_secret: SecretStr
    requests_per_day: int = Field(ge=1)


class AliExpressSettings(_Section):
    """The application registered with AliExpress's Open Platform, and how it shows prices and titles.

    ``session`` is the access token of a dropshipper's account, for searches by picture.
    """

    app_key: str
    app_secret: SecretStr
    tracking_id: str
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    language: str = Field(pattern=r"^[A-Z]{2}$")
    requests_per_day: int = Field(ge=1)
    session: SecretStr
    ship_to: str = Field(pattern=r"^[A-Z]{2}$")


class MarketplacesSettings(_Section):
    """Keys of marketplaces' own APIs."""

    aliexpress: AliExpressSettings
    ebay: EbaySettings
    etsy: EtsySettings


class SandboxSettings(_Section):
    """Limits of the child processes that touch hostile bytes."""

    children: int = Field(ge=1)
    memory_mb: int = Field(ge=512)
    rss_mb: int = Field(ge=64)
    picture_timeout_s: float = Field(gt=0)
    page_timeout_s: float = Field(gt=0)
    idle_s: float = Field(ge=0)
    tasks_per_child: int = Field(ge=1)


class ScheduleSettings(_Section):
    """When searches run and how much at once."""

    tick_s: float = Field(gt=0)
    rhythm_h: float = Field(gt=0)
    page_limit: int = Field(ge=1)
    concurrency: int = Field(ge=1)
    site_concurrency: int = Field(ge=0)
    attempts: int = Field(ge=1)


class DigestSettings(_Section):
    """When a summary is due and how long it may be."""

    rhythm_h: float = Field(ge=0)
    limit: int = Field(ge=1)


class MailSettings(_Section):
    """The SMTP server that digests leave by."""

    host: str
    port: int = Field(ge=1, le=65535)
    username: str
    password: SecretStr
    sender: str
    recipients: tuple[str, ...]
    tls: Literal["starttls", "tls", "none"]


class ComplaintsSettings(_Section):
    """Who has to look before a complaint leaves, and the members' tokens of platforms with an interface."""

    second_person: bool
    mercadolibre_token: SecretStr
    ebay_token: SecretStr
    ebay_sandbox: bool
    api_requests_per_day: int = Field(ge=1)


class MailboxSettings(_Section):
    """The IMAP mailbox that platforms write to."""

    host: str
    port: int = Field(ge=1, le=65535)
    username: str
    password: SecretStr
    folder: str = Field(min_length=1)
    tls: Literal["starttls", "tls", "none"]
    rhythm_min: float = Field(gt=0)
    timeout_s: float = Field(gt=0)
    max_bytes: int = Field(gt=0)
    limit: int = Field(ge=1)
    trusted_server: str


class ConsoleSettings(_Section):
    """Where the program listens, and how long it knows a browser."""

    host: str = Field(min_length=1)
    port: int = Field(ge=0, le=65535)
    names: tuple[str, ...]
    proxies: tuple[str, ...]
    max_bytes: int = Field(gt=0)
    idle_minutes: float = Field(gt=0)
    session_hours: float = Field(gt=0)
    lease_minutes: float = Field(gt=0)
    known_every: int = Field(ge=0)


class SsoSettings(_Section):
    """Where people sign in to the console instead of by a password of ours."""

    issuer: str = Field(pattern=r"^(|https?://[^\s?#]+)$")
    client_id: str
    client_secret: SecretStr
    claim: str = Field(min_length=1)


class BrowserSettings(_Section):
    """How pages that only JavaScript fills are rendered."""

    enabled: bool
    program: str
    timeout_s: float = Field(gt=0)
    max_bytes: int = Field(gt=0)
    memory_mb: int = Field(ge=256)


class VaultSettings(_Section):
    """What opens the sealed papers."""

    key_file: str
    passphrase: SecretStr


class EvidenceSettings(_Section):
    """Who attests the time of what was kept."""

    timestamp_url: str
    timestamp_certificates: str
    timestamp_every_h: float = Field(gt=0)


class RetentionSettings(_Section):
    """How many days what is kept is kept; 0: for ever."""

    listings_d: int = Field(ge=0)
    pages_d: int = Field(ge=0)
    captures_d: int = Field(ge=0)
    dismissed_d: int = Field(ge=0)
    infringing_d: int = Field(ge=0)
    complaints_d: int = Field(ge=0)
    every_h: float = Field(ge=0)


class DetectionSettings(_Section):
    """What is compared beside hashes, points and outlines."""

    embedding_model: str
    embedding_threshold: float = Field(gt=0, le=1)
    read_text: bool
    find_logos: bool
    references_whole: int = Field(gt=0)


class LookbackSettings(_Section):
    """What is remembered of pictures for works that are registered later, and which machines search it."""

    keep_d: float = Field(gt=0)
    shares: int = Field(ge=1)
    share: int = Field(ge=0)

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.share > self.shares:
            raise ValueError(f"share {self.share} is none of {self.shares} shares")
        return self


class LogSettings(_Section):
    """What the log says."""

    level: Literal["debug", "info", "warning", "error"]


class Settings(BaseSettings):
    """Everything an operator can set. ``data_dir`` holds the database, pictures, captures, digests and packs."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    data_dir: Path
    database: DatabaseSettings
    blobs: BlobsSettings
    fetch: FetchSettings
    marketplaces: MarketplacesSettings
    sandbox: SandboxSettings
    schedule: ScheduleSettings
    digest: DigestSettings
    mail: MailSettings
    complaints: ComplaintsSettings
    mailbox: MailboxSettings
    console: ConsoleSettings
    sso: SsoSettings
    browser: BrowserSettings
    vault: VaultSettings
    evidence: EvidenceSettings
    retention: RetentionSettings
    detection: DetectionSettings
    lookback: LookbackSettings
    log: LogSettings

    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    def origin(self, key: str) -> str:
        """Where a setting such as ``fetch.contact`` comes from: ``default``, the file's path, the variable's name."""
        return self._origins.get(key, "default")

    def with_contact(self, contact: str, file: Path) -> Settings:
        """The same settings with a contact that was just written into a file."""
        changed = self.model_copy(update={"fetch": self.fetch.model_copy(update={"contact": contact})})
        changed._origins = {**self._origins, "fetch.contact": str(file)}
        return changed

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL; SQLite in the data folder unless one is set."""
        return self.database.url.get_secret_value() or embedded_url(self.data_dir)

    @property
    def embedded(self) -> bool:
        """Whether the database is the file in the data folder."""
        return not self.database.url.get_secret_value()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` hands in: the process environment is never read behind its back."""
        return (init_settings,)


class _Environment(EnvSettingsSource):
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {name.lower(): value for name, value in environ.items()}
        super().__init__(Settings, env_prefix=_PREFIX, env_nested_delimiter=_DELIMITER)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._environ


def embedded_url(data_dir: Path) -> str:
    """The SQLAlchemy URL of the SQLite file in a data folder."""
    return f"sqlite+aiosqlite:///{data_dir / EMBEDDED}"


def default_data_dir(environ: Mapping[str, str]) -> Path:
    """The data folder: ``BAZAARWATCH_DATA_DIR`` or the platform's place for a user's data."""
    named = environ.get(f"{_PREFIX}DATA_DIR")
    return Path(named).expanduser() if named else Path(platformdirs.user_data_dir("bazaarwatch", appauthor=False))


def load(data_dir: Path, environ: Mapping[str, str]) -> Settings:
    """Settle the settings for one data folder.

    Args:
        data_dir: Holds ``bazaarwatch.toml`` (optional) and everything the program keeps.
        environ: The process environment; ``BAZAARWATCH_SECTION__KEY`` overrides the file.

    Raises:
        ConfigError: A file is no TOML, a key is unknown or a value does not fit.
    """
    defaults = tomllib.loads((resources.files("config") / "defaults.toml").read_text("utf-8"))
    path = data_dir / FILE_NAME
    file = _read_file(path)
    known = sorted(_keys(defaults))
    for key in _keys(file):
        _require_known(key, known, str(path))
    overrides = {name: value for name, value in environ.items() if name.startswith(_PREFIX) and _DELIMITER in name}
    for name, value in overrides.items():
        key = name.removeprefix(_PREFIX).lower().replace(_DELIMITER, ".")
        _require_known(key, known, f"environment: {name}")
        _require_list(key, value, defaults)
    try:
        values = _merge(_merge(defaults, file), _Environment(overrides)())
        settings = Settings(**{**values, "data_dir": data_dir.expanduser().absolute()})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path} or environment: {key}: {first['msg']}") from None
    settings._origins.update(dict.fromkeys(_keys(file), str(path)))
    settings._origins.update({name.removeprefix(_PREFIX).lower().replace(_DELIMITER, "."): name for name in overrides})
    return settings


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None


def _keys(tree: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _keys(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _require_known(key: str, known: list[str], place: str) -> None:
    if key in known:
        return
    nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
    raise ConfigError(f"{place}: unknown key {key!r}; did you mean {nearest!r}?")


def _require_list(key: str, value: str, defaults: Mapping[str, Any]) -> None:
    default: Any = defaults
    for part in key.split("."):
        default = default[part]
    if not isinstance(default, list):
        return
    try:
        json.loads(value)
    except ValueError:
        raise ConfigError(f'environment: {key}: {value!r} is no list; write it as ["one", "two"]') from None


def _merge(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in over.items():
        merged[name] = _merge(merged[name], value) if isinstance(value, dict) and name in merged else value
    return merged
