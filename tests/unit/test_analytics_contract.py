"""The contract with analysts only grows, and says so when it does."""

from copy import deepcopy

import pytest

from docs.promise import FOLDER, Contract, changes, measured, numbers, present, promised, written


def test_the_file_of_the_current_version_is_what_there_is() -> None:
    now = present()
    file = FOLDER / f"{now['version']}.json"
    assert file.exists(), "a new version: run `uv run python docs/generate.py`"
    assert file.read_bytes() == written(now), "it was changed: raise its version in contract_v1.sql"
    assert promised()[-1] == now, "a version that is not the newest"


def test_whatever_was_ever_promised_is_kept() -> None:
    now = present()
    assert [told for old in promised() for told in changes(old, now)] == []


def test_whatever_is_measured_says_its_unit() -> None:
    bare = {
        f"{view}.{column}": kind
        for view, columns in present()["views"].items()
        for column, kind in columns.items()
        if kind == "double precision" or (kind == "date" and column == "day")
    }
    assert bare == {}


def test_the_unit_of_a_column_is_that_of_its_comment() -> None:
    file = """
      date_part('epoch', s.until_at - s.from_at)::float8 AS seconds,
      s.team::text AS team
    COMMENT ON COLUMN analytics.stint.seconds IS 'How long it lasted, in {}; null while it does.';
    COMMENT ON COLUMN analytics.stint.team IS 'Whose it was.';
    """
    assert measured(file.format("seconds")) == {"seconds": "double precision in seconds", "team": "text"}
    assert measured(file.format("minutes")) == {"seconds": "double precision", "team": "text"}


def amended(part: str, name: str, becomes: dict[str, str] | str | None) -> Contract:
    contract = deepcopy(present())
    if becomes is None:
        del contract[part][name]
    else:
        contract[part][name] = becomes
    return contract


_LOG = present()["views"]["log"]
_FIRST, _SECOND, _THIRD = _LOG.items()
_FRESHNESS = present()["views"]["freshness"]
_BREAKS: dict[str, tuple[str, str, dict[str, str] | str | None]] = {
    "a view less": ("views", "log", None),
    "a column less": ("views", "log", dict([_FIRST, _SECOND])),
    "another name": ("views", "log", dict([_FIRST, ("title", "text"), _THIRD])),
    "another type": ("views", "log", dict([("log_id", "integer"), _SECOND, _THIRD])),
    "another unit": ("views", "freshness", _FRESHNESS | {"behind": "bigint in seconds"}),
    "another order": ("views", "log", dict([_FIRST, _THIRD, _SECOND])),
    "a column in between": ("views", "log", dict([_FIRST, ("more", "text"), _SECOND, _THIRD])),
    "a function less": ("functions", "business_seconds_v1", None),
    "a parameter more": ("functions", "contract_v1", "(p_more text) RETURNS text"),
}
_ADDS: dict[str, tuple[str, str, dict[str, str] | str | None]] = {
    "a column at the end": ("views", "log", _LOG | {"more": "text"}),
    "a view more": ("views", "more", {"log_id": "smallint"}),
    "a function more": ("functions", "more_v1", "() RETURNS text"),
}


def raised(contract: Contract) -> Contract:
    first, second, _ = numbers(contract["version"])
    return contract | {"version": f"{first}.{second + 1}.0"}


@pytest.mark.parametrize("kind", _BREAKS)
def test_what_breaks_a_promise_is_told_whatever_the_version(kind: str) -> None:
    told = list(changes(present(), raised(amended(*_BREAKS[kind]))))
    assert len(told) == 1
    assert told[0].startswith(("the view log had", "the view freshness had", "the function"))


@pytest.mark.parametrize("kind", _ADDS)
def test_what_is_added_wants_another_version(kind: str) -> None:
    told = list(changes(present(), amended(*_ADDS[kind])))
    assert len(told) == 1
    assert "raise the second number" in told[0]
    assert list(changes(present(), raised(amended(*_ADDS[kind])))) == []
