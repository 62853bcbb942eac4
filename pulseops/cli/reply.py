"""What commands to an incident have in common: their options, and how their answer is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

from cyclopts import Parameter, Token

from pulseops.cli import render
from pulseops.cli.speak import Speak, print_json
from pulseops.cli.when import AGO, instant
from pulseops.cli.words import harmless
from pulseops.client import Answer, ClientError, PulseOps, Terms
from pulseops.incidents.incident import Incident
from pulseops.incidents.moments import Moment, moment
from pulseops.kernel.errors import InvalidInput

I = TypeVar("I", bound=Incident)  # noqa: E741 -- an incident


def _whole(_: Any, given: Sequence[Token]) -> UUID:
    """For cyclopts: raises ValueError for what is no whole id."""
    text = given[0].value
    try:
        return UUID(text)
    except ValueError:
        raise ValueError(f"{harmless(text)} is no whole id: see `pulseops incident list`.") from None


WholeId = Annotated[UUID, Parameter(converter=_whole)]
Id = Annotated[WholeId, Parameter(name="ID")]
Prose = Annotated[str, Parameter(show_default=False, allow_leading_hyphen=True)]
_AT_ONCE = Terms(tries=1)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class How:
    """What every command takes."""

    note: Prose = ""
    """Why, for the timeline."""
    if_match: int | None = None
    """Only if the incident is still at this version."""
    idempotency_key: str | None = None
    """Repeat a command under its own key, after an outcome that was unknown."""

    def said(self) -> dict[str, Any]:
        return {"note": self.note, "if_match": self.if_match, "idempotency_key": self.idempotency_key}


BY_ITSELF = How()


def zoned(_: Any, moment: datetime | None) -> None:
    """For cyclopts: raises ValueError for a time without a zone."""
    if moment is not None and moment.tzinfo is None:
        raise ValueError("a time needs its zone: 2026-11-23T14:05:00Z or …+01:00")


def then(_: Any, text: str | None) -> None:
    """For cyclopts: raises ValueError for what is no version, no time and no position."""
    try:
        if text is not None:
            as_told(text)
    except InvalidInput as error:
        raise ValueError(f"{error} {AGO}") from error


def as_told(text: str) -> Moment:
    """A version, a time or a position. Raises InvalidInput."""
    return moment(instant(text))


def show_brief(verb: str, answer: Answer[I], speak: Speak) -> None:
    if speak.json:
        print_json(answer.body)
    else:
        render.say(render.brief(verb, answer.value))


def settle(client: PulseOps, written: Answer[I]) -> None:
    """Whoever lists after this command has ended expects to see what it did.

    Who may only report lists nothing, and is not refused for the record with each report.
    """
    if written.position is None:
        return
    at_once = client.under(_AT_ONCE)
    try:
        if "incident.read" in at_once.whoami().actions:
            at_once.incidents.list(limit=1, min_position=written.position)
    except ClientError:
        render.say("It is recorded. Lists will show it in a moment.", stderr=True)


def done(client: PulseOps, verb: str, answer: Answer[Incident], speak: Speak) -> None:
    show_brief(verb, answer, speak)
    settle(client, answer)
