"""Moments on the command line: `--as-of`, `--from` and `--to`."""

from typing import Annotated, Any

from cyclopts import Parameter

from pulseops.kernel.errors import InvalidInput
from pulseops.kernel.moments import Moment, moment


def _moment(_: Any, text: str | None) -> None:
    """For cyclopts: raises ValueError for what is neither a time with its zone nor a position."""
    try:
        if text is not None:
            moment(text)
    except InvalidInput as error:
        raise ValueError(str(error)) from error


AsOf = Annotated[str | None, Parameter(validator=_moment)]


def meant(text: str | None) -> Moment | None:
    """What was checked already."""
    return None if text is None else moment(text)
