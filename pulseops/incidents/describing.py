"""What follows when somebody says more, or something else, of an incident: also when it is over. Pure."""

from collections.abc import Mapping, Sequence

from pulseops.incidents.commands import (
    ChangeCategory,
    ChangePriority,
    Comment,
    DeclareImpact,
    Edit,
    Link,
)
from pulseops.incidents.events import (
    CategoryChanged,
    Commented,
    Edited,
    ImpactDeclared,
    IncidentFact,
    Linked,
    PriorityChanged,
    Relation,
)
from pulseops.incidents.incident import Incident, Tie
from pulseops.kernel.errors import InvalidInput

MOST_LINKS = 100
INVERSE: Mapping[Relation, Relation] = {
    "related": "related",
    "causes": "caused_by",
    "caused_by": "causes",
}
"""What the other incident says of a relation."""
MOST_LABELS = 64
MOST_FACTS = 2_500
"""Whoever reads an incident or decides on it goes through all of its facts."""

Description = ChangePriority | ChangeCategory | Edit | Comment | Link | DeclareImpact


def describe(command: Description, incident: Incident) -> Sequence[IncidentFact]:
    """The facts that follow; none when it is so already. Raises InvalidInput.

    What only adds to a long story is refused one day; whatever others go by never is.
    """
    facts = _described(command, incident)
    if facts and isinstance(command, Edit | Comment | DeclareImpact) and incident.version >= MOST_FACTS:
        raise InvalidInput(
            f"It has {MOST_FACTS:,} events, and takes no more text: go on in another incident, and link it.",
            pointer="",
        )
    return facts


def _described(command: Description, incident: Incident) -> Sequence[IncidentFact]:
    match command:
        case ChangePriority():
            if command.priority == incident.priority:
                return []
            return [
                PriorityChanged(
                    priority=command.priority,
                    was=incident.priority,
                    correction=command.correction,
                    note=command.note,
                )
            ]
        case ChangeCategory():
            if command.category == incident.category:
                return []
            return [
                CategoryChanged(
                    category=command.category,
                    was=incident.category,
                    correction=command.correction,
                    note=command.note,
                )
            ]
        case Edit():
            return _edited(command, incident)
        case Comment():
            return [Commented(text=command.text)]
        case Link():
            return _linked(command, incident)
        case DeclareImpact():
            now = (incident.impacted_services, incident.customers_affected)
            if (command.services, command.customers) == now:
                return []
            return [ImpactDeclared(services=command.services, customers=command.customers, note=command.note)]


def _edited(command: Edit, incident: Incident) -> Sequence[IncidentFact]:
    labels = dict(incident.labels)
    for name, value in command.labels.items():
        if value is None:
            labels.pop(name, None)
        else:
            labels[name] = value
    if len(labels) > MOST_LABELS:
        raise InvalidInput(f"An incident has at most {MOST_LABELS} labels.", pointer="/labels")
    title = None if command.title == incident.title else command.title
    description = None if command.description == incident.description else command.description
    if title is None and description is None and labels == incident.labels:
        return []
    return [
        Edited(
            title=title,
            description=description,
            labels=None if labels == incident.labels else labels,
            note=command.note,
        )
    ]


def _linked(command: Link, incident: Incident) -> Sequence[IncidentFact]:
    if (command.incident is None) == (command.url is None):
        raise InvalidInput("Name either another incident or a URL.", pointer="/incident")
    if command.incident == incident.id:
        raise InvalidInput("An incident has nothing to do with itself.", pointer="/incident")
    tie = Tie(incident=command.incident, url=command.url, title=command.title, relation=command.relation)
    if tie in incident.links:
        return []
    if len(incident.links) >= MOST_LINKS:
        raise InvalidInput(f"An incident has at most {MOST_LINKS} links.", pointer="")
    return [
        Linked(incident=tie.incident, url=tie.url, title=tie.title, relation=tie.relation, note=command.note)
    ]
