"""`pulseops incident …`: saying more, or something else, of an incident."""

from typing import Annotated

from cyclopts import App, Parameter

from pulseops.cli.pairs import labels, pair
from pulseops.cli.reply import BY_ITSELF, How, Id, Prose, WholeId, done
from pulseops.cli.speak import PLAINLY, Speak, speaking
from pulseops.incidents.events import Priority, Relation

_FLAG = Parameter(negative=())

describing = App()


@describing.command
def priority(
    incident_id: Id,
    priority: Priority,
    /,
    *,
    correction: Annotated[bool, _FLAG] = False,
    how: How = BY_ITSELF,
    speak: Speak = PLAINLY,
) -> None:
    """Say how bad it is.

    Parameters
    ----------
    correction
        It was so from the beginning: the classification was wrong.
    """
    with speaking(speak) as client:
        written = client.incidents.priority.answer(incident_id, priority, correction=correction, **how.said())
        done(client, "Changed", written, speak)


@describing.command
def category(
    incident_id: Id,
    category: str,
    /,
    *,
    correction: bool = True,
    how: How = BY_ITSELF,
    speak: Speak = PLAINLY,
) -> None:
    """Say of what kind it is.

    Parameters
    ----------
    correction
        It was of this kind from the beginning: the classification was wrong.
    """
    with speaking(speak) as client:
        written = client.incidents.category.answer(incident_id, category, correction=correction, **how.said())
        done(client, "Changed", written, speak)


@describing.command
def edit(
    incident_id: Id,
    /,
    *,
    title: Prose | None = None,
    description: Prose | None = None,
    label: Annotated[tuple[str, ...], Parameter(validator=pair, negative=(), show_default=False)] = (),
    without_label: Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)] = (),
    how: How = BY_ITSELF,
    speak: Speak = PLAINLY,
) -> None:
    """Change what it says. What is left out stays.

    Parameters
    ----------
    label
        A name=value; repeat for more.
    without_label
        The name of one to take away; repeat for more.
    """
    changed: dict[str, str | None] = {**labels(label), **dict.fromkeys(without_label)}
    with speaking(speak) as client:
        written = client.incidents.edit.answer(
            incident_id, title=title, description=description, labels=changed, **how.said()
        )
        done(client, "Edited", written, speak)


@describing.command
def comment(
    incident_id: Id,
    text: Prose,
    /,
    *,
    if_match: int | None = None,
    idempotency_key: str | None = None,
    speak: Speak = PLAINLY,
) -> None:
    """Add something to its history."""
    with speaking(speak) as client:
        written = client.incidents.comment.answer(
            incident_id, text, if_match=if_match, idempotency_key=idempotency_key
        )
        done(client, "Commented on", written, speak)


@describing.command
def link(
    incident_id: Id,
    /,
    *,
    incident: WholeId | None = None,
    page: str | None = None,
    title: Prose = "",
    relation: Relation = "related",
    how: How = BY_ITSELF,
    speak: Speak = PLAINLY,
) -> None:
    """Say what it has to do with: another incident, or a page.

    Parameters
    ----------
    incident
        The other incident.
    page
        The page's URL.
    title
        What the page is called.
    relation
        What this one is to the other.
    """
    with speaking(speak) as client:
        written = client.incidents.link.answer(
            incident_id, incident=incident, url=page, title=title, relation=relation, **how.said()
        )
        done(client, "Linked", written, speak)


@describing.command
def impact(
    incident_id: Id,
    /,
    *,
    service: Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)] = (),
    customers: int | None = None,
    how: How = BY_ITSELF,
    speak: Speak = PLAINLY,
) -> None:
    """Declare who feels it: the whole of it, as known by now.

    Parameters
    ----------
    service
        A service that is affected; repeat for more.
    customers
        How many customers are.
    """
    with speaking(speak) as client:
        written = client.incidents.impact.answer(
            incident_id, services=service, customers=customers, **how.said()
        )
        done(client, "Declared the impact of", written, speak)
