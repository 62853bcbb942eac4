"""Which server the command line speaks to, and with which key. The key never stands in argv."""

from pathlib import Path

from msgspec import Struct

from pulseops.client.address import Unusable, checked_key, checked_url, is_local
from pulseops.kernel.reasons import reason
from pulseops.settings import Settings
from pulseops.up.home import running_api


class Target(Struct, frozen=True, kw_only=True):
    """A server and the key to it; `local` when it is on this machine."""

    url: str
    key: str | None
    local: bool


def find_target(settings: Settings, *, url: str | None = None, key_file: Path | None = None) -> Target:
    """What was asked for, else what is set, else the `pulseops up` that runs from the home.

    The home's admin key is sent to that server alone: at any other address, and at its own once it has ended,
    somebody else may listen, on this machine too.
    """
    running = running_api(settings.home)
    ours = None if running is None else running.url.rstrip("/")
    chosen = (url or settings.url or ours or "").rstrip("/")
    if not chosen:
        raise Unusable(
            f"PulseOps does not run from {settings.home}: start it with `pulseops up`, or name a server with "
            "--url or PULSEOPS_URL, and its key with PULSEOPS_API_KEY or --key-file."
        )
    local = is_local(checked_url(chosen).hostname or "")
    key, left = settings.api_key, settings.home / "admin.key"
    if key_file is not None:
        key = _read_key(key_file)
    elif key is None and local and chosen == ours and left.is_file():
        key = _read_key(left)
    return Target(url=chosen, key=None if key is None else checked_key(key), local=local)


def _read_key(path: Path) -> str:
    try:
        key = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"Cannot read a key from {path}: {reason(error)}") from None
    if not key:
        raise Unusable(f"There is no key in {path}.")
    return key
