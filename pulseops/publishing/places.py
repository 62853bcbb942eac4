"""Which place a setting means. A new kind is one more file, and a line here."""

import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pulseops.audit.shelf import PlaceInvalid, Shelf
from pulseops.kernel.clock import utc_now
from pulseops.publishing.folder import Folder
from pulseops.publishing.repository import Repository


def shelf_of(place: str) -> Shelf:
    """Raises PlaceInvalid, with what to install or to write instead."""
    kind, colon, rest = place.partition(":")
    if not colon or "/" in kind:
        return Folder(Path(place).expanduser())
    if kind not in _KINDS:
        raise PlaceInvalid(f"{place} is none of: a folder, git: and a bare repository, s3:// and a bucket.")
    return _KINDS[kind](place, rest)


def _folder(place: str, _rest: str) -> Shelf:
    url = urlsplit(place)
    if url.netloc not in ("", "localhost") or not url.path.startswith("/"):
        raise PlaceInvalid(f"{place} is no folder of this machine: that is file:///path, or only /path.")
    return Folder(Path(unquote(url.path)))


def _repository(_place: str, rest: str) -> Shelf:
    if shutil.which("git") is None:
        raise PlaceInvalid("To publish to a repository the program git is needed: install it.")
    return Repository(Path(rest).expanduser(), clock=utc_now)


def _bucket(place: str, _rest: str) -> Shelf:
    try:
        from pulseops.publishing.bucket import Bucket  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise PlaceInvalid("To publish to a bucket: pip install 'pulseops[s3]'.") from error
    return Bucket(place)


_KINDS: dict[str, Callable[[str, str], Shelf]] = {"file": _folder, "git": _repository, "s3": _bucket}
