"""`pulseops access …`: who may do what, and could, over HTTP."""

from datetime import datetime

from cyclopts import App
from msgspec import Struct
from rich.table import Table
from rich.text import Text

from pulseops.cli import render
from pulseops.cli.past import AsOf, From, To, meant, required, show_entries
from pulseops.cli.speak import PLAINLY, Speak, documents, print_json, speaking
from pulseops.cli.words import harmless
from pulseops.client.reading import reader


class _Unrecorded(Struct):
    unrecorded: tuple[str, ...] = ()


_unrecorded = reader(_Unrecorded)

access = App(name="access", help="See who may do what, and could: keys and users.")


@access.command
def show(*, as_of: AsOf = None, speak: Speak = PLAINLY) -> None:
    """Show keys and users with their roles and teams. With --json: a key or user a line.

    Parameters
    ----------
    as_of
        As it was then: how long ago (36h), a date, a time with its zone, or a position (@48213).
    """
    at, unrecorded = meant(as_of), list[str]()
    head = ("WHO", "STATUS", "ROLE", "TEAMS", "SINCE", "UNTIL")
    rows = Table(*head, box=None, pad_edge=False, header_style="dim")

    def row(who: str, status: str, role: str | None, teams: tuple[str, ...] | None, *days: str) -> None:
        whose = "all teams" if teams is None else ", ".join(teams)
        rows.add_row(*(Text(harmless(cell)) for cell in (who, status, role or "-", whose, *days)))

    with speaking(speak) as client:
        for keys in client.keys.iterate.pages(as_of=at):
            if speak.json:
                print_json(*documents(keys.body))
                continue
            unrecorded += _unrecorded(keys.body).unrecorded
            for key in keys.value.items:
                until = key.revoked_at or key.expires_at
                row(f"key:{key.name}", key.status, key.role, key.teams, _day(key.created_at), _day(until))
        for users in client.users.iterate.pages(as_of=at):
            if speak.json:
                print_json(*documents(users.body))
                continue
            for user in users.value.items:
                days = (_day(user.granted_at or user.created_at), _day(user.revoked_at))
                row(f"user:{user.name}", user.status, user.role, user.teams, *days)
    if not speak.json:
        render.say(rows)
    if unrecorded:
        told = harmless(", ".join(unrecorded))
        render.say(f"Their making is not in history, and they are told as they stand: {told}", stderr=True)


@access.command
def diff(*, since: From, until: To = None, speak: Speak = PLAINLY) -> None:
    """Tell which keys and users changed between two moments, and who did it. With --json: one a line.

    Parameters
    ----------
    since
        The earlier moment: how long ago (36h), a date, a time with its zone, or a position (@48213).
        @0 is before everything.
    until
        The later one; without it, now.
    """
    with speaking(speak) as client:
        show_entries(client.audit.access.answer, required(since), meant(until), speak)


def _day(when: datetime | None) -> str:
    return "-" if when is None else f"{when:%Y-%m-%d %H:%M}"
