"""given / when / then over the entries of the catalog."""

import pytest
from msgspec.structs import replace

from pulseops.catalog.commands import Define, Retire
from pulseops.catalog.decider import CATALOG
from pulseops.catalog.entry import named, stream_of
from pulseops.catalog.events import (
    Link,
    Member,
    ServiceDefined,
    ServiceRetired,
    TeamDefined,
    TeamRetired,
)
from pulseops.kernel.errors import NotFound
from tests.scenario import given, record

TEAM = TeamDefined(name="payments", lead="ada", members=(Member(name="ada", role="lead"),), note="Founded.")
SERVICE = ServiceDefined(name="checkout", team="payments", tier=1, labels={"language": "python"})


@pytest.mark.parametrize("value", [TEAM, SERVICE])
def test_what_is_defined_is_recorded_whole(value: TeamDefined | ServiceDefined) -> None:
    given(CATALOG).when(Define(value=value)).then(value)


@pytest.mark.parametrize("value", [TEAM, SERVICE])
def test_the_same_again_is_nothing_new_whatever_the_note(value: TeamDefined | ServiceDefined) -> None:
    given(CATALOG, value).when(Define(value=value)).then()
    given(CATALOG, value).when(Define(value=replace(value, note="because"))).then()


def test_any_other_value_is_a_new_definition() -> None:
    for other in (
        replace(TEAM, lead=None),
        replace(TEAM, members=()),
        replace(TEAM, links=(Link(title="a", url="https://b"),)),
    ):
        given(CATALOG, TEAM).when(Define(value=other)).then(other)


def test_what_is_retired_is_retired_once() -> None:
    given(CATALOG, TEAM).when(Retire(note="Merged.")).then(TeamRetired(name="payments", note="Merged."))
    given(CATALOG, SERVICE).when(Retire()).then(ServiceRetired(name="checkout"))
    given(CATALOG, TEAM, TeamRetired(name="payments")).when(Retire()).then()


def test_what_was_never_there_cannot_be_retired() -> None:
    given(CATALOG).when(Retire()).then_refused(NotFound)


def test_what_was_retired_is_defined_anew_even_as_the_same() -> None:
    given(CATALOG, TEAM, TeamRetired(name="payments")).when(Define(value=TEAM)).then(TEAM)


def test_an_entry_is_its_newest_definition_and_whether_it_was_retired_since() -> None:
    later = replace(TEAM, lead="grace")
    facts = (record(TEAM), record(TeamRetired(name="payments"), 2), record(later, 3, actor="key:other"))
    retired = given(CATALOG, *facts[:2]).state
    assert retired is not None
    assert (retired.value, retired.retired, retired.version) == (TEAM, True, 2)
    entry = given(CATALOG, *facts).state
    assert entry is not None
    assert (entry.value, entry.retired, entry.version, entry.updated_by) == (later, False, 3, "key:other")


def test_a_stream_belongs_to_one_name_of_one_kind_in_one_log() -> None:
    ids = {
        stream_of(kind, name, log_id=log_id)
        for kind in ("team", "service")
        for name in ("a", "b", "team")
        for log_id in (1, 2)
    }
    assert len(ids) == 12
    assert stream_of("team", "a", log_id=1) in ids


@pytest.mark.parametrize("name", ["a", "0", "ci-cd", "a.b_c-9", "x" * 63])
def test_these_are_names(name: str) -> None:
    assert named(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a b",
        "A",
        "-a",
        ".a",
        "a\n",
        "a\0",
        "x" * 64,
        "\u0440\u0430yments",  # Cyrillic
        "\uff50ayments",  # full width
        "café",
        "a/b",
        "a\u200d",
    ],
)
def test_these_are_none(name: str) -> None:
    assert not named(name)
