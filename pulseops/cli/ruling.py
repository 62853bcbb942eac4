"""`pulseops rules …`: what incidents are judged, routed and escalated by, and were."""

from typing import Annotated

from cyclopts import App, Parameter

from pulseops.cli import render
from pulseops.cli.past import AsOf, From, To, meant, recorded, required, show_rules
from pulseops.cli.speak import PLAINLY, Speak, print_json, speaking
from pulseops.cli.words import harmless
from pulseops.rulebook.written import SECTIONS, as_yaml

rules = App(name="rules", help="See what incidents are judged, routed and escalated by, and were.")


@rules.command
def show(
    *,
    as_of: AsOf = None,
    cited: str | None = None,
    file: Annotated[bool, Parameter(negative=())] = False,
    speak: Speak = PLAINLY,
) -> None:
    """Show all rules as YAML, defaults included: those recorded last, or as of a moment.

    Parameters
    ----------
    as_of
        As they were then: how long ago (36h), a date, a time with its zone, or a position (@48213).
    cited
        Those with a section of this version, as decisions cite it (acme-7+default-1~1f0c9a2b).
    file
        Show the operator's own file instead, to the letter.
    """
    with speaking(speak) as client:
        answer = client.rules.get.answer(as_of=meant(as_of), version=cited)
        if speak.json:
            print_json(answer.body)
            return
        found = answer.value
        render.say(f"# {recorded(found)}", stderr=True)
        text = found.text if file else as_yaml({name: getattr(found, name) for name in SECTIONS})
        render.put(harmless(text, lines=True).rstrip("\n") + "\n")


@rules.command
def diff(*, since: From, until: To = None, speak: Speak = PLAINLY) -> None:
    """Tell what changed in the rules between two moments, as a unified diff.

    Parameters
    ----------
    since
        The earlier moment: how long ago (36h), a date, a time with its zone, or a position (@48213).
        @0 is before everything.
    until
        The later one; without it, now.
    """
    with speaking(speak) as client:
        show_rules(client.rules.diff.answer(required(since), meant(until)), speak)
