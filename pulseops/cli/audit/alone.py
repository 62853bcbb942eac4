"""`pulseops audit verify FILE` and `verifier`: exports, where no database is."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from pulseops.archive import alone
from pulseops.archive.columns import NoParquet, Rows, is_parquet
from pulseops.audit.walk import Divergence
from pulseops.cli.advance import counting
from pulseops.cli.database import print_structs, stop
from pulseops.cli.render import put, say
from pulseops.cli.speak import REFUSED, USAGE
from pulseops.cli.words import harmless


class Found(Struct, frozen=True):
    """What `--json` tells of an export: how many events are proved, or why none is, and where it differs."""

    events: int
    why: str | None = None
    divergence: Divergence | None = None


def verify_export(file: Path, key: Path, against: Sequence[Path], *, json: bool) -> None:
    """The end with 1 where it is not what was signed."""
    try:
        keys, kept = alone.keys_of(key.read_text("utf-8")), [path.read_text("utf-8") for path in against]
        size = file.stat().st_size
    except OSError as error:
        raise stop(f"{error.filename} cannot be read: {error.strerror}", USAGE) from error
    except ValueError as error:
        raise stop(f"{key} holds something else than keys of signed notes: {error}", USAGE) from error
    lines = Rows if is_parquet(file) else alone.Lines
    try:
        with counting() as bar:
            task = bar.add_task("bytes", total=size)
            told = alone.verify(file, keys, kept, lines(file, lambda done: bar.update(task, completed=done)))
    except OSError as error:
        raise stop(f"{error.filename or file} cannot be read: {error.strerror}", REFUSED) from error
    except NoParquet as error:
        raise stop(str(error), USAGE) from error
    except alone.Wrong as error:
        if not json:
            raise stop(str(error), REFUSED) from error
        print_structs(Found(events=0, why=str(error), divergence=_divergence(error)))
        raise SystemExit(REFUSED) from error
    if json:
        print_structs(Found(events=told["events"]))
    else:
        say(harmless(alone.verdict(file.name, told)))


def _divergence(error: alone.Wrong) -> Divergence | None:
    if not error.field:
        return None
    return Divergence(position=error.position, field=error.field, expected=error.expected, found=error.found)


def verifier() -> None:
    """Print the program that verifies an export without PulseOps: `python verify.py FILE --key PUB`."""
    put(Path(alone.__file__).read_text("utf-8"))
