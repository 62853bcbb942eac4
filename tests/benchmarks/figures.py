"""Medians and ranges, and the words for them. Pure."""

from collections.abc import Mapping, Sequence
from math import isnan, nan
from statistics import median
from typing import Any

from tests.benchmarks.bench import Line, Measured, Reading


def measured(line: Line, rounds: Sequence[Mapping[str, Reading]]) -> Measured:
    """Divided within each round, so that what the machine does in between touches both sides."""
    return Measured(line=line, ratios=[_ratio(line, one) for one in rounds])


def _ratio(line: Line, sides: Mapping[str, Reading]) -> float:
    mine = _seen(sides[line.side], line.by)
    return mine if line.over is None else mine / _seen(sides[line.over], line.over_by or line.by)


def _seen(reading: Reading, by: str) -> float:
    """NaN where nothing was: of answers that never came there is no median."""
    return reading.value(by) if reading.operations and reading.has(by) else nan


def middle(values: Sequence[float]) -> float:
    """NaN of nothing."""
    return median(values) if values else nan


def shown(value: float) -> str:
    """Three digits are all that a noisy machine has to say."""
    if isnan(value):
        return "–"
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 0.1 else f"{value:.2g}"


def spread(values: Sequence[float], unit: str = "") -> str:
    """The median, with its range when there are several; nothing of nothing."""
    if not values:
        return ""
    median_one = shown(middle(values)) + unit
    varied = min(values) < max(values)
    return f"{median_one} ({shown(min(values))}–{shown(max(values))})" if varied else median_one


def summary(lines: Sequence[Measured]) -> list[dict[str, Any]]:
    """What `--json` writes."""
    return [
        {
            "name": one.line.goal.name,
            "ratio": None if isnan(middle(one.ratios)) else middle(one.ratios),
            "reach": one.line.goal.reach,
            "aim": one.line.goal.aim,
            "verdict": one.line.goal.verdict(middle(one.ratios)),
        }
        for one in lines
    ]


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Of waiting times in seconds, as a reading's `more`."""
    if not seconds:
        return {}
    ordered = sorted(seconds)
    return {
        f"p{part}_ms": ordered[min(len(ordered) - 1, len(ordered) * part // 100)] * 1000 for part in (50, 99)
    }
