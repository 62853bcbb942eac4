"""What a rules file must be besides well-formed: names that exist, rules that can fire. Pure."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, Protocol, TypeAlias

from pulseops.assignment.rules import AssignmentRules
from pulseops.classification.lexicon import key
from pulseops.classification.rules import UNCATEGORIZED, ClassificationRules, Rule
from pulseops.classification.severity import Scale, folded
from pulseops.escalation.rules import EscalationRules, Policy
from pulseops.incidents.selector import Selector, matches
from pulseops.kernel.durations import duration_text
from pulseops.rulebook.problems import suggestion

Report: TypeAlias = Callable[[str, str], None]
"""Takes the path of what is wrong, and the message."""

MOST_ROUNDS = 50
_ALWAYS = ("source", "service", "environment", "labels")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class Named(Protocol):
    """What has a name and selects incidents: a rule, a route, a policy."""

    @property
    def name(self) -> str: ...
    @property
    def when(self) -> Selector: ...


def check_classification(rules: ClassificationRules, report: Report) -> None:
    """The terms, scales and operator's rules, each by itself."""
    at = "classification"
    if not 0 <= rules.threshold < 1:
        report(f"{at}.threshold", "a confidence runs from 0 to 1")
    for category, vocabulary in rules.categories.items():
        if category == UNCATEGORIZED:
            report(f"{at}.categories.{category}", "this is the name for what has no category")
        listed = {
            f"{at}.categories.{category}.{grade}": getattr(vocabulary, grade)
            for grade in vocabulary.__struct_fields__
        }
        _check_terms(listed, report)
    _check_terms({f"{at}.keywords.{level}": terms for level, terms in rules.keywords.items()}, report)
    for index, scale in enumerate(rules.scales):
        _check_scale(scale, f"{at}.scales[{index}]", report)
    _check_names(rules.scales, f"{at}.scales", report)
    _check_names(rules.rules, f"{at}.rules", report)
    for index, rule in enumerate(rules.rules):
        here = f"{at}.rules[{index}]"
        _check_when(rule.when, f"{here}.when", _ALWAYS, report)
        _check_terms({f"{here}.text": rule.text}, report)
        if rule.priority is None and rule.category is None:
            report(here, "the rule sets neither a priority nor a category")
        if rule.category is not None:
            _check_known([rule.category], f"{here}.category", "category", _categories(rules), report)
    _check_shadows(rules.rules, f"{at}.rules", _rule_covers, report)


def check_assignment(rules: AssignmentRules, classification: ClassificationRules, report: Report) -> None:
    """The teams exist, the categories exist, and every route can be reached."""
    at, teams = "assignment", {team.name for team in rules.teams}
    _check_names(rules.teams, f"{at}.teams", report)
    _check_known([rules.otherwise], f"{at}.otherwise", "team", teams, report)
    _check_names(rules.routes, f"{at}.routes", report)
    for index, route in enumerate(rules.routes):
        here = f"{at}.routes[{index}]"
        _check_known([route.team], f"{here}.team", "team", teams, report)
        _check_when(route.when, f"{here}.when", ("priority", "category", *_ALWAYS), report)
        _check_known(
            route.when.category, f"{here}.when.category", "category", _categories(classification), report
        )
    _check_shadows(rules.routes, f"{at}.routes", _covers, report)


def check_escalation(
    rules: EscalationRules, assignment: AssignmentRules, classification: ClassificationRules, report: Report
) -> None:
    """The policies have steps, speak of teams and categories there are, and can fire."""
    at, teams = "escalation", {team.name for team in assignment.teams}
    _check_names(rules.policies, f"{at}.policies", report)
    for index, policy in enumerate(rules.policies):
        here = f"{at}.policies[{index}]"
        known = ("priority", "category", "team", "service", "environment")
        _check_when(policy.when, f"{here}.when", known, report)
        _check_known(policy.when.team, f"{here}.when.team", "team", teams, report)
        _check_known(
            policy.when.category, f"{here}.when.category", "category", _categories(classification), report
        )
        if not policy.steps:
            report(f"{here}.steps", "there are no steps: say after how long, and to whom")
        _check_times(policy, here, report)
        for number, step in enumerate(policy.steps):
            for word in _PLACEHOLDER.findall(step.to):
                if word != "team":
                    report(f"{here}.steps[{number}].to", f"{{{word}}} stands for nothing; {{team}} does")
    _check_shadows(rules.policies, f"{at}.policies", _covers, report)


def _check_times(policy: Policy, path: str, report: Report) -> None:
    """An incident must not be over before everybody has heard of it, nor be told of without end."""
    if policy.repeat > MOST_ROUNDS:
        report(f"{path}.repeat", f"the steps are gone through again {MOST_ROUNDS} times at most")
    climb = sum((step.after for step in policy.steps), timedelta()) * (1 + min(policy.repeat, MOST_ROUNDS))
    if policy.resolve_after is not None and policy.resolve_after <= climb:
        told = f"the last level hears of it after {duration_text(climb)}"
        report(f"{path}.resolve_after", f"{told}: an incident cannot be over by itself before that")


def _check_scale(scale: Scale, path: str, report: Report) -> None:
    _check_when(scale.when, f"{path}.when", _ALWAYS, report)
    seen: dict[str, str] = {}
    for priority, values in scale.values.items():
        for index, value in enumerate(values):
            first = seen.setdefault(folded(value), priority)
            if first != priority:
                report(f"{path}.values.{priority}[{index}]", f'"{value}" means {first} already')


def _categories(rules: ClassificationRules) -> set[str]:
    return {*rules.categories, UNCATEGORIZED}


def _check_names(entries: Sequence[Any], path: str, report: Report) -> None:
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        if entry.name in seen:
            report(f"{path}[{index}].name", f'the name "{entry.name}" is taken')
        seen.add(entry.name)


def _check_known(words: Iterable[str], path: str, noun: str, known: Iterable[str], report: Report) -> None:
    """A star in a selector is looked up too: it must match something."""
    for word in words:
        if not any(matches((word,), one) for one in known):
            report(path, f'there is no {noun} "{word}"{suggestion(word, known)}')


def _check_terms(listed: dict[str, Sequence[str]], report: Report) -> None:
    """Terms that can never be found, and terms that are there twice, under whatever spelling."""
    seen: dict[str, str] = {}
    for path, terms in listed.items():
        for index, term in enumerate(terms):
            here, spelled = f"{path}[{index}]", key(term)
            if not spelled:
                report(here, f'"{term}" has neither letters nor digits, so it can never be found')
            elif spelled in seen:
                report(here, f'"{term}" is listed before, as "{seen[spelled]}"')
            seen.setdefault(spelled, term)


def _check_when(when: Selector, path: str, known: Sequence[str], report: Report) -> None:
    for field in when.__struct_fields__:
        if getattr(when, field) and field not in known:
            report(f"{path}.{field}", f"the {field} cannot be asked for here; {', '.join(known)} can")


def _check_shadows(
    entries: Sequence[Any], path: str, covers: Callable[[Any, Any], bool], report: Report
) -> None:
    for index, entry in enumerate(entries):
        for earlier in entries[:index]:
            if covers(earlier, entry):
                report(f"{path}[{index}]", f'this can never fire: "{earlier.name}" takes all its incidents')
                break


def _covers(earlier: Named, later: Named) -> bool:
    """Whether the earlier one takes every incident that the later one is about."""
    first, second = earlier.when, later.when
    asked: list[tuple[Sequence[str], Sequence[str]]] = [
        (getattr(first, field), getattr(second, field))
        for field in first.__struct_fields__
        if field != "labels"
    ]
    asked += [(words, second.labels.get(label, ())) for label, words in first.labels.items()]
    return all(
        not wide or (bool(narrow) and all(matches(tuple(wide), word) for word in narrow))
        for wide, narrow in asked
    )


def _rule_covers(earlier: Rule, later: Rule) -> bool:
    if (later.priority and not earlier.priority) or (later.category and not earlier.category):
        return False
    said = {key(term) for term in earlier.text}
    narrow = not said or (bool(later.text) and said.issuperset(map(key, later.text)))
    return narrow and _covers(earlier, later)
