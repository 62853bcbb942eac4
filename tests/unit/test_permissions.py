"""What each role may do, written out a second time: whoever changes the matrix changes both."""

from pathlib import Path

import pytest

from pulseops.access.keys import Principal
from pulseops.access.permissions import ACTIONS, ROLES, Role, allowed
from pulseops.http.spec import Spec
from pulseops.routes import ROUTES

# A column a role: Viewer, Responder, Manager, aUditor, Admin, Ingest.
_COLUMNS: dict[str, Role] = {
    "V": "viewer",
    "R": "responder",
    "M": "manager",
    "U": "auditor",
    "A": "admin",
    "I": "ingest",
}
_MAY = {
    "incident.report": "RMAI",
    "incident.read": "VRMUA",
    "incident.respond": "RMA",
    "catalog.read": "VRMUA",
    "catalog.write": "MA",
    "rules.read": "MUA",
    "rules.write": "MA",
    "subscriptions.read": "UA",
    "subscriptions.operate": "A",
    "keys.read": "UA",
    "keys.write": "A",
    "users.read": "UA",
    "users.write": "A",
    "audit.read": "UA",
    "whoami": "VRMUAI",
}


def test_the_table_has_every_action_and_every_role() -> None:
    assert set(_MAY) == set(ACTIONS)
    assert set(_COLUMNS.values()) == set(ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_the_table_says_and_nothing_else(role: Role) -> None:
    letter = next(letter for letter, name in _COLUMNS.items() if name == role)
    found = {action: allowed(role, action) for action in ACTIONS}
    assert found == {action: letter in _MAY[action] for action in ACTIONS}


def test_every_route_that_asks_for_a_key_says_which_action_it_is() -> None:
    for handler in ROUTES:
        spec = handler.opt.get("spec")
        assert isinstance(spec, Spec), handler
        if spec.public or spec.hidden:
            assert spec.action is None, spec.name
        else:
            assert spec.action in ACTIONS, spec.name


def test_a_principal_sees_its_teams_alone_and_all_when_it_is_not_limited() -> None:
    everywhere = Principal(log_id=1, key_id="0" * 12, name="a", role="viewer")
    here = Principal(log_id=1, key_id="0" * 12, name="a", role="viewer", teams=frozenset({"payments"}))
    assert [everywhere.sees(team) for team in ("payments", "search", None)] == [True, True, True]
    assert [here.sees(team) for team in ("payments", "search", None)] == [True, False, False]


def test_the_document_has_the_same_table() -> None:
    text = (Path(__file__).parents[2] / "docs" / "access.md").read_text()
    [head, _, *rows] = [line.strip("| ").split(" |") for line in text.splitlines() if line.startswith("|")]
    roles = [one.strip() for one in head[1:]]
    assert roles == list(ROLES)
    told = {row[0].strip("` "): [cell.strip() == "yes" for cell in row[1:]] for row in rows}
    found = {action: [allowed(role, action) for role in ROLES] for action in ACTIONS}
    assert {action: cells + [False] * (len(ROLES) - len(cells)) for action, cells in told.items()} == found
