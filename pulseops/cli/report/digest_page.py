"""The weekly digest as one HTML file, styles and pictures in it: it asks nothing of a network. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from zoneinfo import ZoneInfo

from pulseops.analytics.reports import Figure, TimedStep, Told, WeeklyReport
from pulseops.cli.report.sentences import (
    FIGURES,
    about,
    days,
    lasted,
    notes,
    of_figure,
    percent,
    points,
    reported,
    shown,
    title,
)
from pulseops.cli.words import harmless

_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; padding: 32px 16px; background: #f4f5f7; color: #1b1f24;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
main { max-width: 760px; margin: 0 auto; padding: 32px 36px 40px; background: #fff; border-radius: 10px;
  border: 1px solid #e3e6ea; }
h1 { margin: 0; font-size: 26px; line-height: 1.25; letter-spacing: -0.01em; }
h2 { margin: 36px 0 10px; font-size: 16px; }
.about { margin: 4px 0 0; color: #5b6470; }
.note { margin: 16px 0 0; padding: 10px 14px; background: #fff6e5; border-left: 3px solid #e69f00; }
.figures { display: grid; grid-template-columns: repeat(3, 1fr); gap: 12px; margin: 24px 0 0; }
.figure { padding: 12px 14px; border: 1px solid #e3e6ea; border-radius: 8px; }
.figure .name { color: #5b6470; font-size: 13px; line-height: 1.35; }
.figure .now { font-size: 22px; font-weight: 650; font-variant-numeric: tabular-nums; white-space: nowrap; }
.figure .change { font-size: 13px; font-variant-numeric: tabular-nums; color: #5b6470; }
.change.better { color: #00664a; } .change.worse { color: #a63c00; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; font-size: 12px; font-weight: 600; color: #5b6470; }
th, td { padding: 7px 18px 7px 0; border-bottom: 1px solid #e9ecef; vertical-align: top; }
td.title { overflow-wrap: anywhere; }
.number { text-align: right; white-space: nowrap; padding-right: 0; }
.word { white-space: nowrap; }
.mark { color: #a63c00; font-size: 13px; }
svg { display: block; width: 100%; height: auto; font-size: 12px; }
footer { margin-top: 32px; color: #5b6470; font-size: 13px; }
@media (max-width: 560px) { main { padding: 22px 18px; } .figures { grid-template-columns: repeat(2, 1fr); }
  svg { overflow: visible; font-size: 21px; } svg .other { display: none; } th, td { padding-right: 10px; } }
@media print { body { background: #fff; padding: 0; } main { border: 0; } }
"""
_CHART, _HIGH, _FOOT, _TOP = 688, 96, 22, 18
"""Of the chart, in units of its own: how wide; how high the bars, what is under them and above."""
_NAMED = 10
"""Steps that can have their names under them."""


def page(report: WeeklyReport) -> str:
    """Whole and valid HTML."""
    heading = _text(title(report))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{heading}: {_text(about(report))}</title>\n<style>{_STYLE}</style>\n"
        "</head>\n<body>\n<main>\n" + "\n".join(_parts(report)) + "\n</main>\n</body>\n</html>\n"
    )


def _parts(report: WeeklyReport) -> Iterator[str]:
    yield f"<h1>{_text(title(report))}</h1>"
    yield f'<p class="about">{_text(about(report))}</p>'
    for note in notes(report):
        yield f'<p class="note">{_text(note)}</p>'
    if not (reported(report) or report.oldest):
        return
    yield f'<div class="figures">{"".join(map(_figure, report.figures))}</div>'
    if reported(report):
        yield f"<h2>Reported by {report.period.step}</h2>"
        yield _bars(report.series, ZoneInfo(report.period.zone), report.period.step)
    yield from _incidents("Slowest to be acknowledged", "After", report.slowest)
    yield from _incidents("Oldest that were open", "Age", report.oldest)
    if report.noisiest:
        yield "<h2>Noisiest</h2>"
        yield _table(
            ("Service", "", "#Reported", "#Noise"),
            (
                (
                    ("title", _text(row.value or "-")),
                    ("mark", "could be silenced" if row.silence else ""),
                    ("number", f"{row.now.incidents:,}"),
                    ("number", percent(row.now.share)),
                )
                for row in report.noisiest
            ),
        )
    if report.corrections:
        yield "<h2>Corrections of what rules decided</h2>"
        yield _table(
            ("What", "From", "To", "#Times"),
            (
                (
                    ("word", _text(one.field)),
                    ("title", _text(one.was or "-")),
                    ("title", _text(one.now)),
                    ("number", f"{one.times:,}"),
                )
                for one in report.corrections
            ),
        )
    yield f"<footer>Changes are against the period before: {_text(days(report.before))}.</footer>"


def _figure(figure: Figure) -> str:
    name, change = FIGURES.get(figure.name, _text(figure.name)), points(figure)
    was = shown(figure, figure.before)
    against = f"{change}, from {was}" if change else f"before: {was}"
    return (
        f'<div class="figure"><div class="name">{name}</div>'
        f'<div class="now">{shown(figure, figure.now)}</div>'
        f'<div class="change {of_figure(figure)}">{against}</div></div>'
    )


def _incidents(heading: str, column: str, incidents: Sequence[Told]) -> Iterator[str]:
    if incidents:
        yield f"<h2>{heading}</h2>"
        yield _table(
            ("Incident", "Priority", "Team", f"#{column}"),
            (
                (
                    ("title", _text(one.title)),
                    ("word", _text(one.priority or "-")),
                    ("word", _text(one.team or "-")),
                    ("number", lasted(one.seconds)),
                )
                for one in incidents
            ),
        )


def _table(names: Sequence[str], rows: Iterable[Sequence[tuple[str, str]]]) -> str:
    """Cells are a class and HTML; a name with # is that of a column of numbers."""
    head = "".join(
        f'<th class="number">{name[1:]}</th>' if name.startswith("#") else f"<th>{name}</th>"
        for name in names
    )
    body = "".join(
        "<tr>" + "".join(f'<td class="{kind}">{cell}</td>' for kind, cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _bars(series: Sequence[TimedStep], zone: ZoneInfo, step: str) -> str:
    """A bar a step from 0, each with its number, and what it is under every bar that has room for it."""
    top = max(one.incidents for one in series)
    wide = _CHART / len(series)
    every = -(-len(series) // _NAMED)
    shape = "%H:%M" if step == "hour" else "%a %d %b" if every == 1 else "%d %b"
    parts = list[str]()
    for place, one in enumerate(series):
        high, middle = _HIGH * one.incidents / top, wide * (place + 0.5)
        base = _TOP + _HIGH
        parts.append(
            f'<rect x="{wide * (place + 0.12):.1f}" y="{base - high:.1f}" width="{wide * 0.76:.1f}" '
            f'height="{high:.1f}" rx="2" fill="#0072B2"/>'
        )
        if every == 1:
            parts.append(_label(middle, base - high - 5, f"{one.incidents:,}", "#1b1f24"))
        if place % every == 0:
            # Where bars are narrow, a name begins with its bar: that of the first would be cut off.
            x, anchor = (middle, "middle") if every == 1 else (middle - wide * 0.38, "start")
            name = f"{one.at.astimezone(zone):{shape}}"
            # A phone has room for every other one.
            kind = "other" if place // every % 2 else ""
            parts.append(_label(x, base + 16, name, "#5b6470", anchor=anchor, kind=kind))
    told = f"{sum(one.incidents for one in series):,} reported, {top:,} in the worst {step}"
    return (
        f'<svg viewBox="0 0 {_CHART} {_TOP + _HIGH + _FOOT}" role="img" aria-label="{told}">'
        f'<line x1="0" x2="{_CHART}" y1="{_TOP + _HIGH}" y2="{_TOP + _HIGH}" stroke="#b8bec6"/>'
        f"{''.join(parts)}</svg>"
    )


def _label(x: float, y: float, text: str, colour: str, *, anchor: str = "middle", kind: str = "") -> str:
    name = f' class="{kind}"' if kind else ""
    return f'<text{name} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{text}</text>'


def _text(text: str) -> str:
    return escape(harmless(text))
