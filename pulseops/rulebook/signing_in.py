"""The file that says how people sign in, read as strictly as the rules."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from pulseops.access.fetching import is_safe
from pulseops.access.sign_in import SignIn
from pulseops.kernel.reasons import reason
from pulseops.rulebook.problems import RulebookInvalid
from pulseops.rulebook.reading import UNREADABLE, Reader
from pulseops.rulebook.source import read_nodes

_WIDEST = timedelta(minutes=5)
_SAFE = "this must be an https:// URL (http:// only on this machine itself)"


class SignInInvalid(RulebookInvalid):
    """The file of PULSEOPS_OIDC cannot be used."""

    code = "sign-in-invalid"


def load_sign_in(path: Path) -> SignIn:
    """Raises SignInInvalid: all problems at once."""
    reader, file = Reader(), str(path)
    try:
        entries = reader.entries(read_nodes(path, file, such="issuer"), "", file) or {}
    except RulebookInvalid as error:
        raise SignInInvalid(error.problems) from error
    found: Any = UNREADABLE
    if "client_secret" in entries:
        reader.report("client_secret", "name a file instead: client_secret_file")
    else:
        found = reader.struct(entries, {"": file}, SignIn, "")
    if found is not UNREADABLE:
        _check(found, reader)
        found = _with_secret(found, reader, path.parent)
    if reader.problems:
        raise SignInInvalid(reader.problems)
    terms: SignIn = found
    return terms


def _check(terms: SignIn, reader: Reader) -> None:
    if not is_safe(terms.issuer) or "?" in terms.issuer:
        reader.report("issuer", _SAFE)
    if terms.url is not None and (not is_safe(terms.url) or urlsplit(terms.url).path not in {"", "/"}):
        reader.report("url", f"{_SAFE}, without a path")
    if not terms.roles:
        reader.report("roles", "without a group there is nobody who may sign in")
    if not terms.algorithms:
        reader.report("algorithms", "without one no token is accepted")
    if "openid" not in terms.scopes:
        reader.report("scopes", '"openid" is missing')
    if terms.leeway > _WIDEST:
        reader.report("leeway", "this is longer than 5m")
    if terms.session_idle > terms.session:
        reader.report("session_idle", "this is longer than session")


def _with_secret(terms: SignIn, reader: Reader, folder: Path) -> SignIn:
    """A relative name is one beside the file."""
    if terms.client_secret_file is None:
        return terms
    try:
        secret = (folder / terms.client_secret_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reader.report("client_secret_file", f"it cannot be read: {reason(error)}")
        return terms
    if not secret:
        reader.report("client_secret_file", "it is empty")
    return replace(terms, client_secret=secret)
