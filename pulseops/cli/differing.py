"""`pulseops diff`: everything that changed between two moments, one kind after the other."""

from collections.abc import Callable
from http import HTTPStatus

from rich.text import Text

from pulseops.cli import render
from pulseops.cli.incident.comparing import show_changes
from pulseops.cli.past import From, Placed, To, meant, required, show_entries, show_rules
from pulseops.cli.speak import PLAINLY, Speak, speaking
from pulseops.client import Refused
from pulseops.kernel.moments import At


def diff(*, since: From, until: To = None, speak: Speak = PLAINLY) -> None:
    """Tell what changed between two moments: incidents, teams and services, access and rules, and who did it.

    What the key may not see is passed over, and said so; it fails where that is all. With --json: an
    incident, an entry, and at last the rules, a line each.

    Parameters
    ----------
    since
        The earlier moment: how long ago (36h), a date, a time with its zone, or a position (@48213).
        @0 is before everything.
    until
        The later one; without it, now.
    """
    first, last = required(since), meant(until)
    with speaking(speak) as client:
        kinds: tuple[tuple[str, Callable[[], Placed]], ...] = (
            ("Incidents", lambda: show_changes(client, first, last, speak)),
            ("Teams and services", lambda: show_entries(client.catalog.diff.answer, first, last, speak)),
            ("Keys and users", lambda: show_entries(client.audit.access.answer, first, last, speak)),
            ("Rules", lambda: show_rules(client.rules.diff.answer(first, last), speak)),
        )
        passed = 0
        for name, show in kinds:
            if not speak.json:
                render.say(Text(name, style="bold underline"))
            try:
                found = show()
            except Refused as refused:
                if refused.status != HTTPStatus.FORBIDDEN:
                    raise
                render.say(f"{name}: this key may not see them.", stderr=True)
                passed += 1
                if passed == len(kinds):
                    raise
            else:
                # Whatever happens meanwhile, all of them are of the same two moments.
                first, last = At(found.since.position), At(found.until.position)
