"""What an operator sets, in `PULSEOPS_*` variables. The only reader of the environment."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from pulseops.kernel.errors import PulseOpsError
from pulseops.kernel.reasons import reason

PREFIX = "PULSEOPS_"

Secret = Annotated[str, Meta(min_length=1)]
Url = Annotated[str, Meta(pattern=r"^https?://\S+$")]
# One host or several. A password's own / # ? ends the host before its @, and so is noticed.
_PORT = r"(6553[0-5]|655[0-2]\d|65[0-4]\d\d|6[0-4]\d{3}|[0-5]?\d{1,4})"
_USER = r"([^@/?#]*@)?"
_HOST = rf"(\[[^\]]*\]|[^@:,/?#\[\]]*)(:{_PORT})?"
Database = Annotated[str, Meta(pattern=rf"^postgres(ql)?://{_USER}{_HOST}(,{_HOST})*([/?][^@]*)?$")]
# A folder begins as a path does: another kind of place, misspelt, shall not become one.
_FOLDER = r"(/(?!/)|~/|\.{1,2}/)"
_BUCKET = r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^?#]*)?$"
Place = Annotated[str, Meta(pattern=rf"^({_FOLDER}|file:///|git:{_FOLDER}|{_BUCKET})")]
Redis = Annotated[str, Meta(pattern=rf"^(rediss?://{_USER}{_HOST}([/?][^@\s]*)?|unix://{_USER}/[^@\s]+)$")]
_SHAPES = {
    "database_url": "postgresql://user@host:5432/name",
    "migration_url": "postgresql://user@host:5432/name",
    "direct_database_url": "postgresql://user@host:5432/name",
    "read_database_url": "postgresql://user@host:5432/name",
    "redis_url": "redis://host:6379/0",
    "url": "http://host:8000",
    "audit_publish": "/folder, git:/repository.git or s3://bucket/prefix",
}


class SettingsError(PulseOpsError):
    """The settings are not usable. One line a mistake."""

    code = "settings"


class Settings(Struct, frozen=True, kw_only=True):
    """Every setting with its default. Without `database_url` and `redis_url` the embedded ones are started.

    `migration_url` is the login that may change the schema, where that is another one. `read_database_url` is
    a replica. `pooler` says that these two and `database_url` lead through one in transaction mode;
    `direct_database_url` then is PostgreSQL itself.

    A secret may also be given as the name of a file that holds it: `PULSEOPS_API_KEY_FILE=/run/secrets/key`.
    """

    database_url: Database | None = None
    migration_url: Database | None = None
    read_database_url: Database | None = None
    direct_database_url: Database | None = None
    pooler: Literal["none", "transaction"] = "none"
    redis_url: Redis | None = None
    home: Path = Path("~/.pulseops")
    rules: Path | None = None
    oidc: Path | None = None
    audit_key: Path | None = None
    audit_publish: Place | None = None
    audit_publish_every: Annotated[int, Meta(ge=1, le=86_400)] = 60
    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8000
    pool_size: Annotated[int, Meta(ge=2, le=200)] = 8
    rate_limit: Annotated[int, Meta(ge=0, le=100_000)] = 1000
    log_format: Literal["json", "console"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    allow_unsafe_durability: bool = False
    url: Url | None = None
    api_key: Secret | None = None

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "home", self.home.expanduser())

    @property
    def migrates_at(self) -> str | None:
        """Raises SettingsError when only a pooler is known, through which no session can be had."""
        return self.migration_url or self.session_at

    @property
    def session_at(self) -> str | None:
        """The URL for what needs a session of its own. Raises SettingsError when only a pooler is known."""
        if self.direct_database_url is None and self.pooled and self.database_url is not None:
            raise SettingsError(
                "This needs a session of its own, which a pooler in transaction mode cannot give: set "
                "PULSEOPS_DIRECT_DATABASE_URL to PostgreSQL itself."
            )
        return self.direct_database_url or self.database_url

    @property
    def pooled(self) -> bool:
        """Whether `database` and `read_database_url` lead through a pooler."""
        return self.pooler == "transaction"

    @property
    def database(self) -> str:
        """The URL of the database. Raises SettingsError when there is none."""
        if self.database_url is None:
            raise SettingsError("There is no database: set PULSEOPS_DATABASE_URL, or use `pulseops up`.")
        return self.database_url

    @property
    def writers(self) -> tuple[str, bool]:
        """Where the busy writers go, and whether that is through a pooler. Raises as `database` does."""
        if self.direct_database_url is not None:
            return self.direct_database_url, False
        return self.database, self.pooled

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Settings":
        """Raises SettingsError, which names every mistake at once and suggests what was meant."""
        mistakes: list[str] = []
        values: dict[str, Any] = {}
        for variable in sorted(name for name in environ if name.startswith(PREFIX)):
            name = variable.removeprefix(PREFIX).lower()
            raw = environ[variable]
            if name.endswith("_file") and name.removesuffix("_file") in _SECRETS:
                name = name.removesuffix("_file")
                try:
                    raw = Path(raw).read_text(encoding="utf-8").strip()
                except (OSError, UnicodeDecodeError) as error:
                    mistakes.append(f"{variable}: cannot be read: {reason(error)}")
                    continue
            if name not in _TYPES:
                mistakes.append(f"{variable} is not a setting{_meant(name)}")
            elif name in values:
                mistakes.append(f"{variable}: {PREFIX}{name.upper()} is set as well")
            elif raw != "":
                try:
                    values[name] = msgspec.convert(raw, _TYPES[name], strict=False, dec_hook=_path)
                    if name in _SHAPES:
                        urlsplit(raw)  # whose own words on a host that is none may repeat the password
                except ValueError as error:
                    shown = "" if name in _SECRETS or "@" in raw else f" (it is {raw!r})"
                    mistakes.append(f"{variable}: {_wanted(name) or error}{shown}")
        mistakes += _amiss(values)
        if mistakes:
            raise SettingsError("\n".join(mistakes))
        return cls(**values)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={_shown(name, getattr(self, name))!r}" for name in _TYPES)
        return f"Settings({shown})"

    def __rich_repr__(self) -> Any:
        yield from ((name, _shown(name, getattr(self, name))) for name in _TYPES)


_TYPES: dict[str, Any] = get_type_hints(Settings, include_extras=True)
_SECRETS = frozenset(
    ("database_url", "migration_url", "read_database_url", "direct_database_url", "redis_url", "api_key")
)


def masked(url: str) -> str:
    """A URL that may be shown: without its password and query."""
    try:
        parts = urlsplit(url)
        user = f"{parts.username}:***@" if parts.password else f"{parts.username}@" if parts.username else ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "***"
    return f"{parts.scheme}://{user}{parts.hostname or ''}{port}{parts.path}" if parts.scheme else "***"


def _amiss(values: Mapping[str, Any]) -> list[str]:
    """What does not go together."""
    pooled = values.get("pooler") == "transaction"
    amiss = []
    if pooled and "database_url" not in values:
        amiss.append(f"{PREFIX}POOLER says how {PREFIX}DATABASE_URL is to be used: set that as well")
    if not pooled and "direct_database_url" in values:
        amiss.append(f"{PREFIX}DIRECT_DATABASE_URL is the way past a pooler: set {PREFIX}POOLER=transaction")
    return amiss


def _shown(name: str, value: Any) -> Any:
    if name not in _SECRETS or value is None:
        return value
    return masked(value) if name.endswith("_url") else "***"


def _meant(name: str) -> str:
    close = get_close_matches(name, [*_TYPES, *(f"{secret}_file" for secret in _SECRETS)], n=1, cutoff=0.7)
    known = ", ".join(f"{PREFIX}{one.upper()}" for one in _TYPES)
    return f": did you mean {PREFIX}{close[0].upper()}?" if close else f". Settings are: {known}"


def _wanted(name: str) -> str | None:
    """What a value must be, where msgspec would show a pattern, or nothing."""
    if name in _SHAPES:
        password = (
            "; special characters in a password are written as %2F and so on" if name in _SECRETS else ""
        )
        return f"it should look like {_SHAPES[name]}{password}"
    if get_origin(_TYPES[name]) is Literal:
        return f"it must be one of {', '.join(get_args(_TYPES[name]))}"
    return None


def _path(wanted: type, value: Any) -> Any:
    if wanted is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(wanted)
