"""Which incidents a rule is about."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pulseops.incidents.selector import Selector, matches

SHORT = st.text(alphabet="ab*", max_size=12)


@example("ab*ba", "aba")
@given(SHORT, st.text(alphabet="abc", max_size=16))
def test_a_star_stands_for_any_characters(pattern: str, value: str) -> None:
    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), value) is not None
    assert matches((pattern,), value) is expected


@pytest.mark.parametrize(("pattern", "value"), [("a?", "ab"), ("[ab]", "a"), ("a.c", "abc"), ("", "a")])
def test_nothing_but_the_star_is_special(pattern: str, value: str) -> None:
    assert not matches((pattern,), value)


def test_case_does_not_count() -> None:
    assert matches(("Checkout-*",), "CHECKOUT-web")


def test_a_selector_without_fields_is_about_every_incident() -> None:
    assert Selector().reason() == ""


def test_every_given_field_must_match_and_the_reason_names_them() -> None:
    selector = Selector(priority=("high", "critical"), environment=("prod*",), labels={"tier": ("1",)})
    said = selector.reason(priority="high", environment="production", labels={"tier": "1", "x": "y"})
    assert said == "priority is high and environment is production and label tier is 1"
    assert selector.reason(priority="high", environment="production") is None
    assert selector.reason(priority="low", environment="production", labels={"tier": "1"}) is None
    assert selector.reason(priority="high", labels={"tier": "1"}) is None
