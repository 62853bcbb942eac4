"""Lives of incidents in a week, and reports of them over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.past import Deed
from tests.serving import Api

BERLIN = ZoneInfo("Europe/Berlin")


# The week in which the clocks go back, on Sunday the 25th at three.
MONDAY, NEXT = datetime(2026, 10, 19, tzinfo=BERLIN), datetime(2026, 10, 26, tzinfo=BERLIN)


WEEK = {"since": MONDAY.isoformat(), "until": NEXT.isoformat(), "zone": "Europe/Berlin"}


SERVICES = ("checkout", "search", None)


TEAMS = ("payments", "network", "database")


def life(number: int) -> list[Deed]:
    """An incident every 100 minutes, from a week before on, in ways that differ."""
    at = (MONDAY - timedelta(days=7)).astimezone(UTC) + number * timedelta(minutes=100)
    team, decision = (
        TEAMS[number % 3],
        {"decidedBy": "rules", "rule": f"routes.{number % 2}", "rulesVersion": "1", "why": ""},
    )

    def then(minutes: float, type_: str, actor: str, **data: Any) -> Deed:
        return Deed(incident=number, at=at + timedelta(minutes=minutes), type=type_, actor=actor, data=data)

    report = {"title": f"Incident {number}", "source": "monitoring", "dedupKey": f"key-{number % 7}"}
    if service := SERVICES[number % 3]:
        report["service"] = service
    told = [then(0, "CREATED", "key:probe", **report)]
    told.append(
        then(
            0,
            "CLASSIFIED",
            "system:classification",
            priority=("low", "high")[number % 2],
            category="network",
            priorityDecision=decision,
            categoryDecision=decision,
        )
    )
    told.append(then(0, "ASSIGNED", "system:assignment", team=team, decision=decision))
    if number % 4 == 0:
        told.append(
            then(
                5,
                "ESCALATED",
                "system:escalation",
                level=1,
                to=f"{team} on call",
                policy="p",
                decision=decision,
                dueAt=(at + timedelta(minutes=5)).isoformat(),
                lateBy=0.0,
            )
        )
    if number % 5:
        told.append(then(6 + number % 11, "ACKNOWLEDGED", f"user:{('ada', 'grace')[number % 2]}"))
        if number % 12 == 1:
            told.append(then(40, "ASSIGNED", "user:ada", team=TEAMS[(number + 1) % 3], decision=decision))
        if number % 6 == 0:
            told.append(
                then(20, "CATEGORY_CHANGED", "user:ada", category="payment", was="network", correction=True)
            )
        told.append(
            then(
                60 + number % 90,
                "RESOLVED",
                "user:ada",
                resolution="false_alarm" if number % 9 == 0 else "fixed",
            )
        )
        if number % 10 == 1:
            told.append(then(200, "REOPENED", "user:grace"))
            told.append(then(300, "RESOLVED", "user:grace", resolution="fixed"))
    elif number % 20 == 5:
        told.append(then(40, "RESOLVED", "user:grace", resolution="fixed"))
    elif number % 2:
        told.append(then(30, "RESOLVED", "key:probe", resolution="recovered"))
    return told


LIVES = {number: life(number) for number in range(225)}


def team(number: int, at: datetime = NEXT + timedelta(days=9)) -> str:
    """Whose it was then, or is in the end."""
    teams: list[str] = [
        deed.data["team"] for deed in LIVES[number] if deed.type == "ASSIGNED" and deed.at <= at
    ]
    return teams[-1]


async def report(api: Api, name: str, **wanted: Any) -> dict[str, Any]:
    answer = await api.get(f"/reports/{name}", params=WEEK | wanted)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found
