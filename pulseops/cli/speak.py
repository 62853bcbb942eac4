"""One exchange with the server: where to, how to answer, and what a failure means to a shell."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from msgspec import Raw, Struct

from pulseops.cli.render import put, refusal, say
from pulseops.cli.target import find_target
from pulseops.cli.words import harmless, harmless_json
from pulseops.client import NotUnderstood, OutcomeUnknown, PulseOps, Refused, Terms, Unreachable, Unusable
from pulseops.client.call import understood
from pulseops.client.reading import reader
from pulseops.settings import Settings, SettingsError

REFUSED, USAGE, UNREACHABLE = 1, 2, 3


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Speak:
    """Where to, and how to answer."""

    url: str | None = None
    """The server; else PULSEOPS_URL, else the local `pulseops up`."""
    key_file: Path | None = None
    """A file with the API key; else PULSEOPS_API_KEY, else that of the local `pulseops up`, for it alone."""
    json: Annotated[bool, Parameter(negative=())] = False
    """Print the API's JSON; a refusal goes to stderr as its problem document."""


PLAINLY = Speak()
# Whoever sits before a terminal waits for seconds, and repeats a command himself.
_TERMS = Terms(tries=2, longest_pause=5.0)


@contextmanager
def speaking(speak: Speak) -> Iterator[PulseOps]:
    """A client whose failures become words on stderr and an exit code."""
    try:
        settings = Settings.from_environment(os.environ)
        target = find_target(settings, url=speak.url, key_file=speak.key_file)
        with PulseOps(target.url, target.key, terms=_TERMS, agent="pulseops-cli") as client:
            yield client
        sys.stdout.flush()
    except (SettingsError, Unusable) as error:
        _complain(*str(error).splitlines())
        raise SystemExit(USAGE) from error
    except UnicodeError as error:
        _complain(f"That is not UTF-8 text: {error}")
        raise SystemExit(USAGE) from error
    except (Refused, Unreachable) as error:
        raise SystemExit(_complain_of(error, speak)) from error
    except OutcomeUnknown as error:
        code = _complain_of(error.reason, speak)
        if not speak.json or isinstance(error.reason, Unreachable):
            _complain(
                "It may have been carried out all the same. "
                f"Repeat it with --idempotency-key {error.idempotency_key}"
            )
        raise SystemExit(code) from error
    except NotUnderstood as error:
        _complain(f"{error} (--json shows it)" if not speak.json else str(error))
        raise SystemExit(UNREACHABLE) from error
    except BrokenPipeError as error:
        # The reader has seen enough. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from error


class _Items(Struct):
    items: tuple[Raw, ...]


_PAGE = reader(_Items)


def documents(page: bytes) -> tuple[Raw, ...]:
    """A page's items as they came. Raises NotUnderstood."""
    return understood(_PAGE, page).items


def print_json(*documents: bytes | Raw) -> None:
    """Each document as it came, on a line."""
    for document in documents:
        put(harmless_json(bytes(document).decode("utf-8")) + "\n")


def _complain(*sentences: str) -> None:
    for sentence in sentences:
        say(harmless(sentence), stderr=True)


def _complain_of(error: Refused | Unreachable, speak: Speak) -> int:
    """The exit code. A refusal in JSON is the problem document as it came."""
    if isinstance(error, Unreachable):
        _complain(
            str(error), "Start a server with `pulseops up`, or name another with --url or PULSEOPS_URL."
        )
        return UNREACHABLE
    if speak.json and error.body is not None:
        sys.stderr.write(harmless_json(error.body.decode("utf-8", "replace")) + "\n")
        return REFUSED
    say(refusal(error.problem), stderr=True)
    if error.status == HTTPStatus.UNAUTHORIZED:
        _complain(
            "The key comes from PULSEOPS_API_KEY or --key-file. That in the home of a local `pulseops up` is "
            "sent to that server alone, when neither --url nor PULSEOPS_URL names another."
        )
    return REFUSED
