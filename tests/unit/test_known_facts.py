"""What the projections of incidents know is what there is: the list in SQL, and the fold beside it."""

import re
from pathlib import Path

import pytest

from pulseops.incidents import events
from pulseops.incidents.events import FACTS

SQL = Path(events.__file__).parent / "sql"
TYPES = {fact.type for fact in FACTS}


def named(text: str) -> list[str]:
    return re.findall(r"[A-Z_]{5,}", text)


def test_projections_know_version_1_of_every_fact_and_say_so_when_they_refuse() -> None:
    statement = (SQL / "knows_v2.sql").read_text().partition("AS $$")[2]
    known, _, refused = statement.partition("THEN true")
    assert {fact.schema_version for fact in FACTS} == {1}
    assert sorted(re.findall(r"'([A-Z_]+)'", known)) == sorted(TYPES)
    assert [word for word in named(refused) if word in TYPES] == named(known)[-len(TYPES) :]


@pytest.mark.parametrize("fact", sorted(TYPES))
def test_the_fold_in_sql_has_an_arm_for_every_fact(fact: str) -> None:
    assert (SQL / "evolve_v1.sql").read_text().count(f"WHEN '{fact}' THEN") == 1


def test_no_fact_of_an_incident_looks_like_one_of_another_aggregate() -> None:
    assert not any("." in fact for fact in TYPES)
