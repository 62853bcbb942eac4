"""given / when / then: saying more of an incident, or something else, whether it is over or not."""

from uuid import UUID

import pytest

from pulseops.incidents.commands import (
    Acknowledge,
    ChangeCategory,
    ChangePriority,
    Command,
    Comment,
    DeclareImpact,
    Edit,
    Link,
    Resolve,
)
from pulseops.incidents.decider import INCIDENT
from pulseops.incidents.describing import MOST_FACTS, MOST_LABELS, MOST_LINKS
from pulseops.incidents.events import (
    Acknowledged,
    CategoryChanged,
    Classified,
    Commented,
    Created,
    Decision,
    Edited,
    ImpactDeclared,
    IncidentFact,
    Linked,
    Merged,
    PriorityChanged,
    Resolved,
)
from pulseops.incidents.incident import Tie
from pulseops.kernel.errors import InvalidInput, NotFound
from tests.scenario import STREAM, given

WHY = Decision(decided_by="rules", rule="demo", rules_version="1", why="because")
CREATED = Created(title="Disk full", description="97 %", labels={"host": "db-1", "rack": "4"})
CLASSIFIED = Classified(priority="critical", category="storage", priority_decision=WHY, category_decision=WHY)
OTHER = UUID(int=7)
PAGE = "https://wiki.example.com/disks"

SAID: list[tuple[Command, IncidentFact]] = [
    (
        ChangePriority(priority="low", note="A test host."),
        PriorityChanged(priority="low", was="critical", note="A test host."),
    ),
    (
        ChangePriority(priority="low", correction=True),
        PriorityChanged(priority="low", was="critical", correction=True),
    ),
    (
        ChangeCategory(category="database", note="An index."),
        CategoryChanged(category="database", was="storage", correction=True, note="An index."),
    ),
    (
        ChangeCategory(category="database", correction=False),
        CategoryChanged(category="database", was="storage"),
    ),
    (Edit(title="Disk broken", note="It is."), Edited(title="Disk broken", note="It is.")),
    (Edit(description=""), Edited(description="")),
    (
        Edit(labels={"host": "db-2", "rack": None, "row": "b"}),
        Edited(labels={"host": "db-2", "row": "b"}),
    ),
    (
        Edit(title="Disk full", description="98 %", labels={"host": "db-1"}),
        Edited(description="98 %"),
    ),
    (Comment(text="The backup wrote 40 GB."), Commented(text="The backup wrote 40 GB.")),
    (Link(incident=OTHER, relation="caused_by"), Linked(incident=OTHER, relation="caused_by")),
    (Link(url=PAGE, title="What to do", note="Read."), Linked(url=PAGE, title="What to do", note="Read.")),
    (
        DeclareImpact(services=("checkout",), customers=12),
        ImpactDeclared(services=("checkout",), customers=12),
    ),
    (DeclareImpact(customers=0), ImpactDeclared(customers=0)),
]


@pytest.mark.parametrize(("command", "fact"), SAID)
@pytest.mark.parametrize("end", [(), (Resolved(),), (Merged(into=OTHER),)])
def test_what_is_said_is_kept_also_when_it_is_over(
    command: Command, fact: IncidentFact, end: tuple[IncidentFact, ...]
) -> None:
    given(INCIDENT, CREATED, CLASSIFIED, *end).when(command).then(fact)


@pytest.mark.parametrize(("command", "fact"), SAID)
def test_what_is_said_again_changes_nothing_but_a_comment_is_one_more(
    command: Command, fact: IncidentFact
) -> None:
    again = [fact] if isinstance(fact, Commented) else []
    given(INCIDENT, CREATED, CLASSIFIED, fact).when(command).then(*again)


@pytest.mark.parametrize(("command", "_fact"), SAID)
def test_nothing_is_said_of_what_was_never_reported(command: Command, _fact: IncidentFact) -> None:
    given(INCIDENT).when(command).then_refused(NotFound)


def test_an_edit_of_nothing_changes_nothing() -> None:
    for command in (Edit(), Edit(labels={"gone": None}), Edit(title="Disk full"), DeclareImpact()):
        given(INCIDENT, CREATED).when(command).then()


def test_what_was_not_known_was_nothing() -> None:
    reported = given(INCIDENT, Created(title="Slow"))
    reported.when(ChangePriority(priority="low")).then(PriorityChanged(priority="low"))
    reported.when(ChangeCategory(category="web", correction=False)).then(CategoryChanged(category="web"))


def test_labels_have_an_end() -> None:
    full = Created(title="Slow", labels={f"label {n}": "" for n in range(MOST_LABELS)})
    refused = given(INCIDENT, full).when(Edit(labels={"one more": ""})).then_refused(InvalidInput)
    assert refused.pointer == "/labels"
    one_for_another = Edit(labels={"one more": "", "label 0": None})
    rest = {f"label {n}": "" for n in range(1, MOST_LABELS)} | {"one more": ""}
    given(INCIDENT, full).when(one_for_another).then(Edited(labels=rest))


@pytest.mark.parametrize("command", [Link(), Link(incident=OTHER, url=PAGE), Link(incident=STREAM)])
def test_a_link_leads_to_one_other_thing(command: Command) -> None:
    assert given(INCIDENT, CREATED).when(command).then_refused(InvalidInput).pointer == "/incident"


def test_links_have_an_end() -> None:
    links = [Linked(url=f"{PAGE}/{n}") for n in range(MOST_LINKS)]
    given(INCIDENT, CREATED, *links[1:]).when(Link(url=f"{PAGE}/0")).then(links[0])
    given(INCIDENT, CREATED, *links).when(Link(url=f"{PAGE}/0")).then()
    given(INCIDENT, CREATED, *links).when(Link(url=PAGE)).then_refused(InvalidInput)


TOLD: list[IncidentFact] = [CREATED, CLASSIFIED, *[Commented(text="It hurts.")] * (MOST_FACTS - 2)]


@pytest.mark.parametrize(("command", "fact"), SAID)
def test_a_story_has_an_end_but_what_others_go_by_is_said_all_the_same(
    command: Command, fact: IncidentFact
) -> None:
    given(INCIDENT, *TOLD[:-1]).when(command).then(fact)
    full = given(INCIDENT, *TOLD).when(command)
    if isinstance(command, (Comment, Edit, DeclareImpact)):
        assert full.then_refused(InvalidInput).pointer == ""
    else:
        full.then(fact)


def test_what_was_said_before_the_end_may_be_said_again_and_everybody_may_answer() -> None:
    full = given(INCIDENT, *TOLD)
    full.when(Edit(title=CREATED.title)).then()
    full.when(Acknowledge()).then(Acknowledged())
    full.when(Resolve()).then(Resolved())


def test_the_incident_says_what_was_said_last() -> None:
    state = given(INCIDENT, CREATED, CLASSIFIED, *(fact for _, fact in SAID)).state
    assert state is not None
    assert (state.priority, state.category, state.title, state.description) == (
        "low",
        "database",
        "Disk broken",
        "98 %",
    )
    assert state.labels == {"host": "db-2", "row": "b"}
    assert state.links == (
        Tie(incident=OTHER, relation="caused_by"),
        Tie(url=PAGE, title="What to do"),
    )
    assert (state.impacted_services, state.customers_affected) == ((), 0)
    assert state.version == 2 + len(SAID)
