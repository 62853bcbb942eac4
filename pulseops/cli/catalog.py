"""`pulseops team …`, `pulseops service …` and `pulseops whoami`, over HTTP."""

from collections.abc import Iterable
from typing import Annotated

from cyclopts import App, Parameter
from rich.table import Table
from rich.text import Text

from pulseops.catalog.commands import LinkValue, MemberValue, ServiceValue, TeamValue
from pulseops.catalog.events import Link
from pulseops.cli import render
from pulseops.cli.pairs import labels, pair, split
from pulseops.cli.past import AsOf, meant
from pulseops.cli.speak import PLAINLY, Speak, print_json, speaking
from pulseops.cli.words import harmless
from pulseops.client import Answer
from pulseops.client.results import Service, Team

team = App(name="team", help="See and say what teams there are: defined ones, and those of the rules file.")
service = App(name="service", help="See and say what services there are, and whose they are.")

_Many = Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)]
_Pairs = Annotated[tuple[str, ...], Parameter(validator=pair, negative=(), show_default=False)]
_Name = Annotated[str, Parameter(name="NAME")]


@team.command(name="list")
def list_teams(*, text: str | None = None, as_of: AsOf = None, speak: Speak = PLAINLY) -> None:
    """List teams by name. With --json: a page of the API on each line.

    Parameters
    ----------
    as_of
        As they were then: how long ago (36h), a date, a time with its zone, or a position (@48213).
    """
    with speaking(speak) as client:
        for answer in client.teams.iterate.pages(text=text, as_of=meant(as_of)):
            if speak.json:
                print_json(answer.body)
            else:
                _rows((one.name, one.lead or "-", one.source, one.display_name) for one in answer.value.items)


@team.command(name="show")
def show_team(name: _Name, /, *, as_of: AsOf = None, speak: Speak = PLAINLY) -> None:
    """Show a team.

    Parameters
    ----------
    as_of
        As it was then: how long ago (36h), a date, a time with its zone, or a position (@48213).
    """
    with speaking(speak) as client:
        _tell_team(client.teams.get.answer(name, as_of=meant(as_of)), speak)


@team.command(name="define")
def define_team(
    name: _Name,
    /,
    *,
    display_name: str = "",
    description: str = "",
    lead: str | None = None,
    email: str | None = None,
    chat: str | None = None,
    member: _Many = (),
    runbook: _Pairs = (),
    link: _Pairs = (),
    note: str = "",
    if_match: int | None = None,
    speak: Speak = PLAINLY,
) -> None:
    """Say what a team is: the whole of it. What is left out is empty afterwards.

    Parameters
    ----------
    member
        A user name, or user=role; repeat for more.
    runbook
        title=URL; repeat for more.
    link
        title=URL; repeat for more.
    note
        Why, for history.
    if_match
        Only if it is still at this version.
    """
    value = TeamValue(
        display_name=display_name,
        description=description,
        lead=lead,
        email=email,
        chat=chat,
        members=tuple(MemberValue(name=user, role=role) for user, role in split(member)),
        runbooks=_links(runbook),
        links=_links(link),
        note=note,
    )
    with speaking(speak) as client:
        _tell_team(client.teams.put.answer(name, value, if_match=if_match), speak)


@team.command(name="retire")
def retire_team(name: _Name, /, *, note: str | None = None, speak: Speak = PLAINLY) -> None:
    """Retire a team that owns nothing."""
    with speaking(speak) as client:
        answer = client.teams.delete.answer(name, note=note)
        print_json(answer.body) if speak.json else render.say(f"Retired {harmless(answer.value.name)}.")


@service.command(name="list")
def list_services(
    *,
    team: str | None = None,
    tier: int | None = None,
    text: str | None = None,
    as_of: AsOf = None,
    speak: Speak = PLAINLY,
) -> None:
    """List services by name. With --json: a page of the API on each line.

    Parameters
    ----------
    as_of
        As they were then: how long ago (36h), a date, a time with its zone, or a position (@48213).
    """
    with speaking(speak) as client:
        for answer in client.services.iterate.pages(team=team, tier=tier, text=text, as_of=meant(as_of)):
            if speak.json:
                print_json(answer.body)
            else:
                _rows((one.name, one.team, one.source, one.display_name) for one in answer.value.items)


@service.command(name="show")
def show_service(name: _Name, /, *, as_of: AsOf = None, speak: Speak = PLAINLY) -> None:
    """Show a service.

    Parameters
    ----------
    as_of
        As it was then: how long ago (36h), a date, a time with its zone, or a position (@48213).
    """
    with speaking(speak) as client:
        _tell_service(client.services.get.answer(name, as_of=meant(as_of)), speak)


@service.command(name="define")
def define_service(
    name: _Name,
    /,
    *,
    team: str,
    display_name: str = "",
    description: str = "",
    tier: int | None = None,
    repository: str | None = None,
    runbook: _Pairs = (),
    dashboard: _Pairs = (),
    link: _Pairs = (),
    label: _Pairs = (),
    environment: _Many = (),
    note: str = "",
    if_match: int | None = None,
    speak: Speak = PLAINLY,
) -> None:
    """Say what a service is: the whole of it. What is left out is empty afterwards.

    Parameters
    ----------
    team
        Whose it is.
    tier
        From 1, without which nobody can do, to 4.
    runbook
        title=URL; repeat for more.
    dashboard
        title=URL; repeat for more.
    link
        title=URL; repeat for more.
    label
        name=value; repeat for more.
    environment
        Where it runs; repeat for more.
    note
        Why, for history.
    if_match
        Only if it is still at this version.
    """
    value = ServiceValue(
        team=team,
        display_name=display_name,
        description=description,
        tier=tier,
        repository=repository,
        runbooks=_links(runbook),
        dashboards=_links(dashboard),
        links=_links(link),
        labels=labels(label),
        environments=environment,
        note=note,
    )
    with speaking(speak) as client:
        _tell_service(client.services.put.answer(name, value, if_match=if_match), speak)


@service.command(name="retire")
def retire_service(name: _Name, /, *, note: str | None = None, speak: Speak = PLAINLY) -> None:
    """Retire a service."""
    with speaking(speak) as client:
        answer = client.services.delete.answer(name, note=note)
        print_json(answer.body) if speak.json else render.say(f"Retired {harmless(answer.value.name)}.")


def whoami(*, speak: Speak = PLAINLY) -> None:
    """Say who asks, and what it may do."""
    with speaking(speak) as client:
        answer = client.whoami.answer()
        if speak.json:
            print_json(answer.body)
            return
        me = answer.value
        whose = "all teams" if me.teams is None else ", ".join(me.teams)
        _facts(me.actor, (("role", me.role), ("sees", whose), ("may", ", ".join(me.actions))))


def _tell_team(answer: Answer[Team], speak: Speak) -> None:
    if speak.json:
        print_json(answer.body)
        return
    one = answer.value
    members = ", ".join(
        f"{member.name} ({member.role})" if member.role else member.name for member in one.members
    )
    told = (("called", one.display_name), ("lead", one.lead), ("members", members), ("email", one.email))
    _facts(one.name, (*told, ("chat", one.chat), *_told(one.runbooks), *_told(one.links), _version(one)))


def _tell_service(answer: Answer[Service], speak: Speak) -> None:
    if speak.json:
        print_json(answer.body)
        return
    one = answer.value
    tier = None if one.tier is None else str(one.tier)
    told = (("called", one.display_name), ("team", one.team), ("tier", tier), ("code", one.repository))
    runs = ("runs in", ", ".join(one.environments))
    links = (*_told(one.runbooks), *_told(one.dashboards), *_told(one.links))
    _facts(one.name, (*told, runs, *links, *sorted(one.labels.items()), _version(one)))


def _version(one: Team | Service) -> tuple[str, str]:
    return "version", str(one.version) if one.version else "of the rules file"


def _links(given: Iterable[str]) -> tuple[LinkValue, ...]:
    return tuple(LinkValue(title=title, url=url) for title, url in split(given))


def _told(links: Iterable[Link]) -> list[tuple[str, str]]:
    return [(link.title, link.url) for link in links]


def _facts(title: str, facts: Iterable[tuple[str, str | None]]) -> None:
    """What there is to tell, a line each."""
    rows = Table.grid(padding=(0, 2, 0, 2))
    for name, value in facts:
        if value:
            rows.add_row(Text(harmless(name), style="dim"), Text(harmless(value)))
    render.say(Text(harmless(title), style="bold"))
    render.say(rows)


def _rows(rows: Iterable[tuple[str, ...]]) -> None:
    table = Table.grid(padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*(Text(harmless(cell)) for cell in row))
    render.say(table)
