"""One exchange with the server: where to, how to answer, and what a failure means to a shell."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from msgspec import Raw

from pulseops.cli.client import Client, Refused, Unreachable
from pulseops.cli.render import refusal, say
from pulseops.cli.target import Unusable, find_target
from pulseops.cli.words import harmless, harmless_json
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


@contextmanager
def speaking(speak: Speak) -> Iterator[Client]:
    """A client whose failures become words on stderr and an exit code."""
    try:
        settings = Settings.from_environment(os.environ)
        with Client(find_target(settings, url=speak.url, key_file=speak.key_file)) as client:
            yield client
        sys.stdout.flush()
    except (SettingsError, Unusable) as error:
        _complain(*str(error).splitlines())
        raise SystemExit(USAGE) from error
    except UnicodeError as error:
        _complain(f"That is not UTF-8 text: {error}")
        raise SystemExit(USAGE) from error
    except Refused as error:
        _complain_of_refusal(error, speak)
        raise SystemExit(REFUSED) from error
    except Unreachable as error:
        _complain(
            str(error), "Start a server with `pulseops up`, or name another with --url or PULSEOPS_URL."
        )
        _say_unknown(error.unknown)
        raise SystemExit(UNREACHABLE) from error
    except msgspec.MsgspecError as error:
        _complain(f"The answer is not what this version expects (--json shows it): {error}")
        raise SystemExit(UNREACHABLE) from error
    except BrokenPipeError as error:
        # The reader has seen enough. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from error


def print_json(*documents: bytes | Raw) -> None:
    """Each document as it came, on a line."""
    for document in documents:
        sys.stdout.write(harmless_json(bytes(document).decode("utf-8")) + "\n")


def _complain(*sentences: str) -> None:
    for sentence in sentences:
        say(harmless(sentence), stderr=True)


def _complain_of_refusal(error: Refused, speak: Speak) -> None:
    if speak.json and error.body is not None:
        sys.stderr.write(harmless_json(error.body.decode("utf-8", "replace")) + "\n")
        return
    say(refusal(error.problem), stderr=True)
    if error.problem.status == HTTPStatus.UNAUTHORIZED:
        _complain(
            "The key comes from PULSEOPS_API_KEY or --key-file. That in the home of a local `pulseops up` is "
            "sent to that server alone, when neither --url nor PULSEOPS_URL names another."
        )
    _say_unknown(error.unknown)


def _say_unknown(key: str | None) -> None:
    if key is not None:
        _complain(f"It may have been carried out all the same. Repeat it with --idempotency-key {key}")
