"""`pulseops users …`: who signs in and what they may do, over HTTP."""

from datetime import datetime
from typing import Annotated

from cyclopts import App, Parameter
from rich.table import Table
from rich.text import Text

from pulseops.access.permissions import Role
from pulseops.cli import render
from pulseops.cli.speak import PLAINLY, Speak, print_json, speaking
from pulseops.cli.words import harmless
from pulseops.client import Answer, UserGrant
from pulseops.client.results import User

users = App(name="users", help="See who signs in, grant them what they may do, and revoke it.")

_Name = Annotated[str, Parameter(name="NAME")]
_Flag = Parameter(negative=())


@users.command(name="list")
def list_all(*, speak: Speak = PLAINLY) -> None:
    """List users by name. With --json: a page of the API on each line."""
    head = ("NAME", "STATUS", "ROLE", "TEAMS", "BY", "SEEN")
    rows = Table(*head, box=None, pad_edge=False, header_style="dim")
    with speaking(speak) as client:
        for answer in client.users.iterate.pages():
            if speak.json:
                print_json(answer.body)
                continue
            for one in answer.value.items:
                by = "granted" if one.granted else "groups"
                cells = (one.name, one.status, one.role or "-", _teams(one), by, _day(one.seen_at))
                rows.add_row(*(Text(harmless(cell)) for cell in cells))
    if not speak.json:
        render.say(rows)


@users.command
def grant(
    name: _Name,
    /,
    *,
    role: Role,
    team: Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)] = (),
    new_subject: Annotated[bool, _Flag] = False,
    speak: Speak = PLAINLY,
) -> None:
    """Give a user a role, whatever their groups say; also one who has not signed in yet.

    Parameters
    ----------
    role
        What they may do (docs/access.md).
    team
        The teams whose incidents they see; all without it. Repeat for more.
    new_subject
        The name is that of whoever signs in with it next: for one whom the issuer has made anew.
    """
    wanted = UserGrant(role=role, teams=team or None, new_subject=new_subject)
    with speaking(speak) as client:
        _tell(client.users.grant.answer(name, wanted), "Granted", speak)


@users.command
def revoke(name: _Name, /, *, speak: Speak = PLAINLY) -> None:
    """Take everything from a user: they may do nothing from at most a second later."""
    with speaking(speak) as client:
        _tell(client.users.revoke.answer(name), "Revoked", speak)


def _tell(answer: Answer[User], verb: str, speak: Speak) -> None:
    if speak.json:
        print_json(answer.body)
        return
    one = answer.value
    what = f" {one.role}, {_teams(one)}" if verb == "Granted" else ""
    render.say(f"{verb} {harmless(one.name)}{harmless(what)}.")


def _teams(one: User) -> str:
    return "all teams" if one.teams is None else ", ".join(one.teams)


def _day(when: datetime | None) -> str:
    return "never" if when is None else f"{when:%Y-%m-%d %H:%M}"
