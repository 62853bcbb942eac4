"""`--demo`: real incidents, reported over HTTP at a human pace, and what becomes of them, line by line."""

import random
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.resources import files
from typing import Any
from uuid import UUID

import httpx
import msgspec
from msgspec import Struct
from rich.console import Console
from rich.text import Text

from pulseops.logs import harmless
from pulseops.up.scenes import SCENES, SERVICES, TEAMS

PACE = (1.0, 2.0)  # seconds between two reports
PATIENCE = 3.0  # seconds after an escalation until somebody answers, and again until it is resolved
LOOK = 1.0  # seconds between two looks at the incidents
ANSWERED = 3  # one escalated incident of so many stays unanswered, and goes on to the next level

OPENING = (
    "The demo defines teams and services, reports an incident every second or two, and answers some of them.",
    "They stay in the log like all others: try it in a home of its own, with --home.",
    "`pulseops incident list` has all of them, and `pulseops incident show ID` the whole story of one.",
    "",
)
LOCKED_OUT = (
    "The demo ends: its key is none of this database's (401). `pulseops key create demo --role admin` makes "
    "one: put it into admin.key in the home or, on your own database, into PULSEOPS_API_KEY."
)
STYLE = {
    "CREATED": "blue",
    "CLASSIFIED": "magenta",
    "ASSIGNED": "cyan",
    "ESCALATED": "bold red",
    "ACKNOWLEDGED": "yellow",
    "RESOLVED": "green",
}
LONGEST = 16  # letters of an event's name
WIDE = 120  # columns, from which on an id stands whole, as commands take it; else the end of it


class Sample(Struct, frozen=True):
    """A line of demo.jsonl; NOTICE says who wrote it."""

    id: str
    incident: dict[str, Any]


class Moment(Struct, frozen=True):
    """A line of an incident's timeline."""

    event: str
    timestamp: datetime
    position: int
    text: str = ""
    why: tuple[str, ...] = ()
    details: dict[str, Any] = {}


class Story(Struct, frozen=True):
    """What the demo needs to know of an incident."""

    id: UUID
    title: str
    version: int
    timeline: tuple[Moment, ...] = ()


class Page(Struct, frozen=True):
    items: tuple[Story, ...]


def samples() -> Iterator[Sample]:
    lines = (files("pulseops.up") / "demo.jsonl").read_bytes().splitlines()
    return (msgspec.json.decode(line, type=Sample) for line in lines)


def show(url: str, key: str, console: Console, quitting: threading.Event) -> None:
    """Until `quitting`. The API may go away in between: it is asked again."""
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=url, headers=headers, timeout=10, trust_env=False) as client:
        Demo(client, console, quitting).play(samples())


class Demo:
    def __init__(self, client: httpx.Client, console: Console, quitting: threading.Event) -> None:
        self._client, self._console, self._quitting = client, console, quitting
        self._told: dict[UUID, int] = {}
        """Incidents of this demo, with the version up to which they have been told."""
        self._escalated = 0
        self._todo: list[tuple[float, UUID, str]] = []
        """Answers to give: seconds from now, incident, `acknowledge` or `resolve`."""
        self._incidents: dict[str, UUID] = {}
        """What each sample has become."""
        self._scenes, self._known = list(SCENES), False
        self._pause = random.Random(7)  # noqa: S311  # a pace, not a secret

    def play(self, reports: Iterable[Sample]) -> None:
        for sentence in OPENING:
            self._say(Text(sentence, style="dim"))
        waiting = iter(reports)
        until_next: float | None = 0.0
        while not self._quitting.is_set():
            try:
                if not self._known:
                    self._introduce()
                if until_next is not None and until_next <= 0:
                    until_next = self._report(next(waiting, None))
                self._act()
                self._answer()
                self._look()
            except (httpx.HTTPError, msgspec.MsgspecError) as error:
                if _unauthorized(error):
                    self._say(Text(LOCKED_OUT, style="bold yellow"))
                    return
                # It is being restarted, which `up` says; the next look will tell.
            self._quitting.wait(LOOK / 2)
            until_next = None if until_next is None else until_next - LOOK / 2
            self._todo = [(left - LOOK / 2, incident, answer) for left, incident, answer in self._todo]

    def _introduce(self) -> None:
        """Who there is, and what they own. Defined once more, it stays as it is."""
        for collection, entries in (("teams", TEAMS), ("services", SERVICES)):
            for name, entry in entries.items():
                self._client.put(f"/{collection}/{name}", json=entry).raise_for_status()
        self._known = True
        names = ", ".join((*TEAMS, *SERVICES))
        self._say(Text(f"Defined {names}. `pulseops team show network` shows one.", style="dim"))

    def _act(self) -> None:
        """What is due by now. A scene that the state forbids is left out."""
        while self._scenes and self._scenes[0].after <= len(self._incidents):
            scene = self._scenes[0]
            incident = self._incidents[scene.sample]
            body = scene.sent(self._incidents, datetime.now(UTC))
            self._client.post(f"/incident/{incident}/{scene.command}", json=body)
            self._scenes.pop(0)

    def _report(self, sample: Sample | None) -> float | None:
        """Seconds until the next one; None after the last."""
        if sample is None:
            self._say(
                Text("All are reported. Escalations go on until somebody answers; Ctrl-C stops.", style="dim")
            )
            return None
        answer = self._client.post("/incident", json=sample.incident).raise_for_status()
        incident = msgspec.json.decode(answer.content, type=Story)
        self._told.setdefault(incident.id, 0)
        self._incidents[sample.id] = incident.id
        return self._pause.uniform(*PACE)

    def _look(self) -> None:
        listed = self._client.get("/incidents", params={"limit": 100}).raise_for_status()
        page = msgspec.json.decode(listed.content, type=Page)
        changed = [one.id for one in page.items if self._told.get(one.id, one.version) < one.version]
        news: list[tuple[Moment, Story]] = []
        for incident_id in changed:
            found = self._client.get(f"/incident/{incident_id}").raise_for_status()
            story = msgspec.json.decode(found.content, type=Story)
            news += ((moment, story) for moment in story.timeline[self._told[story.id] :])
            self._told[story.id] = story.version
        whole = not self._console.is_terminal or self._console.width >= WIDE
        for moment, story in sorted(news, key=lambda one: one[0].position):
            self._say(line(story, moment, whole=whole), cut=True)
            self._consider(story, moment)

    def _consider(self, story: Story, moment: Moment) -> None:
        """Somebody answers most of the escalated ones, but for those that have a story of their own."""
        if story.id in {self._incidents.get(scene.sample) for scene in SCENES}:
            return
        if moment.event == "ESCALATED" and moment.details.get("level") == 1:
            self._escalated += 1
            if self._escalated % ANSWERED:
                self._todo.append((PATIENCE, story.id, "acknowledge"))
        elif moment.event == "ACKNOWLEDGED":
            self._todo.append((PATIENCE * 2, story.id, "resolve"))

    def _answer(self) -> None:
        for due in [one for one in self._todo if one[0] <= 0]:
            self._todo.remove(due)
            self._client.post(f"/incident/{due[1]}/{due[2]}", json={"note": "The demo answers."})

    def _say(self, text: Text, *, cut: bool = False) -> None:
        if cut and self._console.is_terminal:
            text.truncate(self._console.width, overflow="ellipsis")
        self._console.print(text)


def _unauthorized(error: Exception) -> bool:
    return isinstance(error, httpx.HTTPStatusError) and error.response.status_code == HTTPStatus.UNAUTHORIZED


def line(story: Story, moment: Moment, *, whole: bool) -> Text:
    """When, what, which, and why."""
    return Text.assemble(
        (f"{moment.timestamp.astimezone():%H:%M:%S} ", "dim"),
        (f"{moment.event:<{LONGEST}}  ", STYLE.get(moment.event, "")),
        (f"{story.id if whole else str(story.id)[-4:]}  ", "dim"),
        harmless(_words(story, moment)),
    )


def _words(story: Story, moment: Moment) -> str:
    told = moment.details
    match moment.event:
        case "CREATED":
            return f"{story.title}  ({told.get('source', 'user')})"
        case "CLASSIFIED":
            return f"{told.get('priority')} · {told.get('category')}  ({next(iter(moment.why), '')})"
        case "ASSIGNED":
            return moment.text
        case _:
            return f"{moment.text} “{story.title}”  {' '.join(moment.why)}".rstrip()
