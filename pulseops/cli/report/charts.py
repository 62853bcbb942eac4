"""Reports as pictures, PNG or SVG. The only file that knows matplotlib, which is an extra.

The same numbers give the same bytes of SVG. Colours are of Okabe and Ito; none tells alone.
"""

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal
from warnings import catch_warnings, filterwarnings
from zoneinfo import ZoneInfo

from pulseops.analytics.reports import LoadReport, NoiseReport, Report, TimedReport, WeeklyReport
from pulseops.cli.report import sentences as words
from pulseops.cli.words import harmless

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MISSING = "Charts need matplotlib, which is not installed: pip install 'pulseops[charts]'"

Picture = Literal["png", "svg"]

_BLUE, _ORANGE, _SKY, _GREY, _INK, _QUIET = "#0072B2", "#D55E00", "#56B4E9", "#B8BEC6", "#1B1F24", "#5B6470"
_MOST = 12
"""Bars that can be told apart."""
_LONGEST = 26
"""Characters of a name beside a bar."""
_NAMED, _MARKED = 8, 60
"""Steps that have room for a name, and for a mark that is seen."""
_UNITS = ((172_800, 86_400, "days"), (7_200, 3_600, "hours"), (120, 60, "minutes"))
"""From so many seconds on, so many seconds are one of these."""
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "pulseops",
    "svg.fonttype": "path",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": _INK,
    "axes.edgecolor": _GREY,
    "axes.labelcolor": _QUIET,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#E6E8EB",
    "xtick.color": _QUIET,
    "ytick.color": _INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
}
_METADATA: dict[Picture, dict[str, str | None]] = {
    "svg": {"Date": None, "Creator": "PulseOps"},
    "png": {"Software": "PulseOps"},
}


class NoCharts(Exception):
    """matplotlib is not there; says what to install."""


def drawn(report: Report, kind: Picture) -> bytes:
    """The bytes of a picture. Raises NoCharts."""
    try:
        from matplotlib import rc_context  # noqa: PLC0415 -- an extra
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
        from matplotlib.figure import Figure as NewFigure  # noqa: PLC0415
    except ImportError as error:
        raise NoCharts(MISSING) from error
    with rc_context(_STYLE):
        figure = NewFigure(figsize=(9, 6), dpi=144, facecolor="white", layout="constrained")
        FigureCanvasAgg(figure)
        _draw(figure, report)
        into = BytesIO()
        with catch_warnings():
            # A box instead of a letter is what there is to see of it, and needs no word on stderr.
            filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
            figure.savefig(into, format=kind, metadata=_METADATA[kind])
    return into.getvalue()


def _draw(figure: "Figure", report: Report) -> None:
    figure.get_layout_engine().set(h_pad=0.08, w_pad=0.08, rect=(0, 0, 1, 0.9))  # type: ignore[union-attr,call-arg]  # it is the constrained one
    figure.text(0.015, 0.965, harmless(words.title(report)), fontsize=14, fontweight="bold", va="center")
    figure.text(0.015, 0.92, harmless(_subtitle(report)), color=_QUIET, va="center")
    if not words.reported(report):
        figure.text(0.5, 0.45, "Nothing was reported in this time.", ha="center", color=_QUIET, fontsize=12)
        return
    match report:
        case TimedReport():
            _timed(figure, report)
        case LoadReport():
            _load(figure, report)
        case NoiseReport():
            _noise(figure, report)
        case WeeklyReport():
            _weekly(figure, report)


def _subtitle(report: Report) -> str:
    parts, count = [words.about(report)], words.reported(report)
    if count and not isinstance(report, LoadReport):
        parts.append(f"{count:,} incident{'' if count == 1 else 's'}")
    if count and isinstance(report, TimedReport):
        parts.append(f"{count - report.total.ended:,} not {words.ENDED.get(report.report, 'ended')}")
    if report.incomplete_since is not None:
        parts.append("not complete")
    return " · ".join(parts)


def _timed(figure: "Figure", report: TimedReport) -> None:
    above, below = figure.subplots(2, 1, height_ratios=(1, 1.15))
    means = [one.mean for one in report.series]
    per, unit = _unit(means)
    _steps(above, report, [None if one is None else one / per for one in means])
    above.set_title(f"Mean by {report.period.step}, {unit}")
    rows = [row for row in report.rows if row.now.p50 is not None][:_MOST]
    per, unit = _unit([row.now.p90 for row in rows])
    for place, row in enumerate(rows):
        middle, high = (row.now.p50 or 0) / per, (row.now.p90 or 0) / per
        below.plot([middle, high], [place, place], color=_GREY, linewidth=2.5, zorder=2)
        below.plot(middle, place, "o", color=_BLUE, markersize=8, zorder=3, label=None if place else "median")
        below.plot(
            high,
            place,
            "D",
            color=_ORANGE,
            markersize=6,
            zorder=3,
            label=None if place else "90th percentile",
        )
    below.set_title(f"Median and 90th percentile, {unit}")
    _names(below, [f"{_name(row.value)}  ({row.now.ended:,})" for row in rows])
    if rows:
        below.legend(loc="lower right", ncols=2, bbox_to_anchor=(1, 1))


def _load(figure: "Figure", report: LoadReport) -> None:
    kinds = [kind for kind in ("team", "person") if any(row.kind == kind for row in report.rows)]
    axes = figure.subplots(len(kinds), 1, squeeze=False)[:, 0]
    for axis, kind in zip(axes, kinds, strict=True):
        rows = [row for row in report.rows if row.kind == kind][:_MOST]
        night = [row.now.at_night for row in rows]
        evening = [max(0, row.now.outside_hours - row.now.at_night) for row in rows]
        office = [row.now.acts - row.now.outside_hours for row in rows]
        parts = (
            ("business hours", office, _SKY),
            ("evenings and weekends", evening, _BLUE),
            ("nights", night, _INK),
        )
        _stacked(axis, [_name(row.name) for row in rows], parts)
        axis.set_title("Teams" if kind == "team" else "People")
    axes[-1].set_xlabel("reports, acknowledgements, ends and escalations")
    axes[0].legend(loc="lower right", ncols=3, bbox_to_anchor=(1, 1))


def _noise(figure: "Figure", report: NoiseReport) -> None:
    above, below = figure.subplots(2, 1, height_ratios=(1, 1.15))
    at = range(len(report.series))
    above.bar(at, [one.incidents for one in report.series], color=_GREY, width=0.8, label="others")
    above.bar(at, [one.noisy for one in report.series], color=_ORANGE, width=0.8, label="noise")
    above.legend(loc="lower right", ncols=2, bbox_to_anchor=(1, 1))
    _dates(above, report)
    above.set_title(f"Incidents by {report.period.step}")
    rows = report.rows[:_MOST]
    parts = (
        ("noise", [row.now.noisy for row in rows], _ORANGE),
        ("others", [row.now.incidents - row.now.noisy for row in rows], _GREY),
    )
    names = [f"{_name(row.value)}  ({words.percent(row.now.share)})" for row in rows]
    _stacked(below, names, parts)
    below.set_title(f"Incidents by {words.BY.get(report.by, report.by)} (share that is noise)")


def _weekly(figure: "Figure", report: WeeklyReport) -> None:
    above, below = figure.subplots(2, 1)
    above.bar(range(len(report.series)), [one.incidents for one in report.series], color=_BLUE, width=0.8)
    _dates(above, report)
    above.set_title(f"Incidents reported by {report.period.step}")
    means = [one.mean for one in report.series]
    per, unit = _unit(means)
    _steps(below, report, [None if one is None else one / per for one in means])
    below.set_title(f"Mean time to acknowledge by {report.period.step}, {unit}")


def _steps(axis: "Axes", report: Report, values: Sequence[float | None]) -> None:
    """A line from 0, broken where there is nothing."""
    shown = [float("nan") if one is None else one for one in values]
    size = 4 if len(shown) <= _MARKED else 1.5
    axis.plot(range(len(shown)), shown, color=_BLUE, linewidth=1.6, marker="o", markersize=size)
    axis.set_ylim(0, 1.08 * max((one for one in values if one is not None), default=1))
    _dates(axis, report)


def _dates(axis: "Axes", report: Report) -> None:
    zone = ZoneInfo(report.period.zone)
    steps = [one.astimezone(zone) for one in report.period.steps()]
    few = len(steps) <= _NAMED
    every = 1 if few else -(-len(steps) // _NAMED)
    shape = "%d %b %H:%M" if report.period.step == "hour" else "%a %d %b" if few else "%d %b"
    places = range(0, len(steps), every)
    axis.set_xticks(places, [f"{steps[place]:{shape}}" for place in places])
    axis.set_xlim(-0.6, len(steps) - 0.4)
    axis.tick_params(axis="x", pad=9)  # clear of the 0 beside it
    axis.grid(visible=False, axis="x")
    axis.spines["left"].set_visible(False)
    _whole(axis.yaxis.set_major_locator)


def _stacked(axis: "Axes", names: Sequence[str], parts: Sequence[tuple[str, Sequence[int], str]]) -> None:
    begun = [0] * len(names)
    for label, counts, colour in parts:
        axis.barh(range(len(names)), counts, left=begun, color=colour, height=0.68, label=label)
        begun = [a + b for a, b in zip(begun, counts, strict=True)]
    for place, count in enumerate(begun):
        axis.annotate(
            f"{count:,}", (count, place), (4, 0), textcoords="offset points", va="center", color=_QUIET
        )
    axis.margins(x=0.08)
    _names(axis, names)
    _whole(axis.xaxis.set_major_locator)


def _names(axis: "Axes", names: Sequence[str]) -> None:
    """Down the left side, the first on top."""
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.set_xlim(left=0)
    axis.grid(visible=False, axis="y")
    axis.spines["left"].set_visible(False)


def _whole(locate: Callable[..., None]) -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 -- an extra

    locate(MaxNLocator(nbins=5, min_n_ticks=1, steps=[1, 2, 5, 10]))


def _unit(seconds: Sequence[float | None]) -> tuple[int, str]:
    """In which unit these are best read, and how many seconds it has."""
    top = max((one for one in seconds if one is not None), default=0)
    return next(((per, name) for least, per, name in _UNITS if top >= least), (1, "seconds"))


def _name(value: str | None) -> str:
    name = "none" if value is None else harmless(value)
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
