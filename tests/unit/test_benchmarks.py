"""The pure parts of the benchmarks: what is divided by what, and what is said of it."""

from contextlib import AbstractAsyncContextManager
from math import isnan
from typing import Any

import msgspec
import pytest
from rich.console import Console

from tests.benchmarks import report
from tests.benchmarks.bench import Bench, Line, Reading
from tests.benchmarks.client import packed, unpacked
from tests.benchmarks.figures import measured, middle, percentiles, shown, spread, summary
from tests.benchmarks.goals import GOALS, Goal
from tests.benchmarks.memory import growth
from tests.benchmarks.rounds import Outcome
from tests.benchmarks.suite import SUITE

MORE = Goal(name="more", what="ours", over="theirs", reach=0.8, aim=1.2)
LESS = Goal(name="less", what="ours", over="theirs", reach=1.7, aim=1.4, smaller_is_better=True)
LINE = Line(goal=MORE, side="ours", over="theirs", by="events")


def reading(operations: float, *, seconds: float = 2.0, events: float = 1.0, **more: Any) -> Reading:
    return Reading(operations=operations, seconds=seconds, events=events, **more)


@pytest.mark.parametrize(
    ("goal", "figure", "verdict"),
    [
        (MORE, 1.2, "aim"),
        (MORE, 1.19, "reach"),
        (MORE, 0.79, "short"),
        (LESS, 1.4, "aim"),
        (LESS, 1.7, "reach"),
        (LESS, 1.71, "short"),
        (MORE, float("nan"), "short"),
        (LESS, float("nan"), "short"),
    ],
)
def test_a_verdict_says_which_mark_is_met(goal: Goal, figure: float, verdict: str) -> None:
    assert goal.verdict(figure) == verdict


def test_a_ratio_is_taken_within_each_round_and_then_the_median() -> None:
    """The machine is ten times slower in the second round: no matter, both sides are."""
    rounds = [
        {"ours": reading(100, events=3), "theirs": reading(100)},
        {"ours": reading(10, events=3), "theirs": reading(10)},
        {"ours": reading(100, events=3), "theirs": reading(50)},
    ]
    line = measured(LINE, rounds)
    assert line.ratios == [3.0, 3.0, 6.0]
    assert middle(line.ratios) == 3.0
    assert spread(line.ratios, "×") == "3× (3–6)"


def test_cpu_is_counted_for_an_operation_and_for_both_together() -> None:
    spent = reading(1_000, app_cpu=0.1, postgres_cpu=0.05)
    assert (spent.value("app_us"), spent.value("postgres_us")) == (100.0, 50.0)
    assert spent.value("cpu_us") == pytest.approx(150.0)
    assert spent.value("time_us") == 2_000.0


def test_a_side_on_which_nothing_happened_is_short_and_no_error() -> None:
    line = measured(LINE, [{"ours": reading(0), "theirs": reading(100)}])
    assert isnan(line.ratios[0])
    assert summary([line])[0] == {
        "name": "more",
        "ratio": None,
        "reach": 0.8,
        "aim": 1.2,
        "verdict": "short",
    }


def test_figures_have_the_digits_that_mean_something() -> None:
    assert [shown(one) for one in (24_512.3, 12.345, 3.0, 1.2, 0.0421, float("nan"))] == [
        "24,512",
        "12.3",
        "3",
        "1.20",
        "0.042",
        "–",
    ]


def test_waiting_times_are_told_in_milliseconds_and_of_none_there_are_none() -> None:
    assert percentiles([number / 1000 for number in range(100, 0, -1)]) == {"p50_ms": 51.0, "p99_ms": 100.0}
    assert percentiles([]) == {}


def test_memory_that_grows_in_the_second_half_is_seen() -> None:
    assert growth([50, 60, 60, 60]) == 1.0
    assert growth([50, 60, 70, 90]) == 1.5


def test_a_sheet_of_requests_is_read_as_it_was_written(tmp_path: Any) -> None:
    requests = [b"GET / HTTP/1.1\r\n\r\n", b"", b"POST / HTTP/1.1\r\n\r\n12\n34\n"]
    sheet = tmp_path / "sheet"
    sheet.write_bytes(packed(requests))
    assert unpacked(str(sheet)) == requests


def test_every_bench_and_every_goal_has_one_name() -> None:
    names = [bench.name for bench in SUITE]
    lines = [line.goal.name for bench in SUITE for line in bench.lines]
    assert len(set(names)) == len(names)
    assert len(set(lines)) == len(lines)
    assert set(lines) <= set(GOALS)


def test_the_table_names_goal_measure_and_verdict() -> None:
    rounds = [{"ours": reading(90, more={"p50_ms": 1.5}), "theirs": reading(100, postgres_cpu=0.1)}]
    line = measured(LINE, rounds)
    outcome = Outcome(bench=_bench(), rounds=rounds, lines=[line], notes=["on two cores"])
    console = Console(width=100)
    with console.capture() as shown_as:
        console.print(report.outcome(outcome))
        console.print(report.table([line]))
        console.print(report.closing([line], 61))
    text = shown_as.get()
    for word in (
        "ours",
        "theirs",
        "0.90×",
        "≥ 0.8",
        "≥ 1.2",
        "✓ reach",
        "1 reached",
        "1 min 1 s",
        "on two cores",
    ):
        assert word in text
    assert msgspec.json.decode(msgspec.json.encode(summary([line])))[0]["verdict"] == "reach"


def _bench() -> Bench:
    def never(_stage: Any) -> AbstractAsyncContextManager[Any]:
        raise NotImplementedError

    return Bench(name="one", title="One of two", lines=[LINE], sides=never)
