"""What the routes of reports promise, in the words of the API description."""

from pulseops.analytics.asking import Asked, AskedInRows, AskedNoise, AskedTimed
from pulseops.analytics.reports import LoadReport, NoiseReport, TimedReport, WeeklyReport
from pulseops.analytics.sheets import MEDIA
from pulseops.http.position import HEADER
from pulseops.http.spec import Shape, Spec

_STANDS = ("ETag", HEADER)


def _report(name: str, summary: str, query: type, kind: type, *problems: str) -> Spec:
    return Spec(
        name=name,
        summary=summary,
        tag="reports",
        action="incident.read",
        query=query,
        headers=("If-None-Match",),
        answers={
            200: Shape(means="The report.", kind=kind, texts=(MEDIA,), headers=_STANDS),
            304: Shape(means="The report is still as you have it.", headers=_STANDS),
        },
        problems=(*problems, "behind", "overloaded"),
    )


MTTA = _report(
    "reportTimeToAcknowledge", "How long it took until somebody acknowledged", AskedTimed, TimedReport
)
MTTR = _report("reportTimeToResolve", "How long it took until it was over", AskedTimed, TimedReport)
LOAD = _report(
    "reportLoad",
    "Who carried how much, and how much of it outside of business hours",
    AskedInRows,
    LoadReport,
)
NOISE = _report("reportNoise", "What was reported and needed nobody", AskedNoise, NoiseReport, "too-broad")
WEEKLY = _report("reportWeek", "The digest: headline numbers, and what stands out", Asked, WeeklyReport)
