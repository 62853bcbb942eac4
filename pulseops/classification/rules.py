"""How bad, and of what kind: rules that say why. Pure.

Priority, by the first that has an answer: the reporter, a severity among the labels, an operator's rule,
words that mean trouble, the default. Category: an operator's rule, or the vocabulary that speaks the loudest.
"""

from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from pulseops.classification.lexicon import Lexicon, parts
from pulseops.classification.severity import Scale, Scales
from pulseops.incidents.commands import Classify
from pulseops.incidents.events import Candidate, Created, Decision, Priority
from pulseops.incidents.selector import Selector

UNCATEGORIZED = "uncategorized"

_IN_THE_LEAD = 2.0
"""A term counts this many times as much in the title or the service, which say what it is about."""

_DOUBT = 2.0
"""Evidence for none of the categories, always present: little evidence gives little confidence."""

_SHOWN, _QUOTED = 5, 3
_RANK: dict[Priority, int] = {"low": 0, "medium": 1, "high": 2, "critical": 3}


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An operator's own: for the incidents that `when` selects and that contain one of the terms in `text`.

    It sets a priority, a category, or both.
    """

    name: str
    when: Selector = Selector()
    text: tuple[str, ...] = ()
    priority: Priority | None = None
    category: str | None = None


class Vocabulary(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The terms of a category: names of things, words that mean little else, words that may, and hints."""

    names: tuple[str, ...] = ()
    certain: tuple[str, ...] = ()
    likely: tuple[str, ...] = ()
    hint: tuple[str, ...] = ()

    def weighed(self) -> Iterator[tuple[str, float]]:
        """Every term with its weight."""
        for weight, terms in ((8.0, self.names), (4.0, self.certain), (2.0, self.likely), (1.0, self.hint)):
            for term in terms:
                yield term, weight


class ClassificationRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that the classifier goes by. Below `threshold`, a confidence, a category is `uncategorized`."""

    version: str
    scales: tuple[Scale, ...] = ()
    rules: tuple[Rule, ...] = ()
    keywords: dict[Literal["medium", "high", "critical"], tuple[str, ...]] = {}
    otherwise: Priority = "medium"
    threshold: float = 0.0
    categories: dict[str, Vocabulary] = {}


Texts: TypeAlias = dict[str, list[str]]
"""The parts of each field that is read: title, service, description."""


class Classifier:
    """Rules made ready for use: worth making once."""

    def __init__(self, rules: ClassificationRules) -> None:
        self.rules, self.version = rules, rules.version
        self._scales = Scales(rules.scales)
        self._wanted = Lexicon((term, index) for index, rule in enumerate(rules.rules) for term in rule.text)
        self._alarms = Lexicon(
            (term, priority) for priority, terms in rules.keywords.items() for term in terms
        )
        self._terms = Lexicon(
            (term, (category, weight))
            for category, vocabulary in rules.categories.items()
            for term, weight in vocabulary.weighed()
        )

    def classify(self, created: Created) -> Classify:
        """Priority and category, each with its reason. Never fails, whatever the text."""
        texts = {"title": parts(created.title)}
        if created.service:
            texts["service"] = parts(created.service)
        if created.description:
            texts["description"] = parts(created.description)
        rules = self._rules_for(created, texts)
        priority, priority_decision = self._priority(created, texts, rules)
        category, category_decision = self._category(texts, rules)
        return Classify(
            priority=priority,
            category=category,
            priority_decision=priority_decision,
            category_decision=category_decision,
        )

    def _rules_for(self, created: Created, texts: Texts) -> Sequence[tuple[Rule, str, tuple[str, ...]]]:
        """The operator's rules that apply, each with its reason and the terms found."""
        applying, found = [], None
        for index, rule in enumerate(self.rules.rules):
            reason = rule.when.reason(
                source=created.source,
                service=created.service,
                environment=created.environment,
                labels=created.labels,
            )
            if reason is None:
                continue
            evidence: tuple[str, ...] = ()
            if rule.text:
                if found is None:
                    found = [(field, self._wanted.find(text)) for field, text in texts.items()]
                evidence = tuple(
                    f"{field}: {term}"
                    for field, terms in found
                    for term, rules in terms.items()
                    if index in rules
                )
                if not evidence:
                    continue
                reason = " and ".join(filter(None, (reason, f"it says {_listed(evidence)}")))
            applying.append((rule, reason or "it applies to every incident", evidence))
        return applying

    def _priority(
        self, created: Created, texts: Texts, rules: Sequence[tuple[Rule, str, tuple[str, ...]]]
    ) -> tuple[Priority, Decision]:
        if created.priority is not None:
            return created.priority, Decision(
                decided_by="reporter",
                rule="reporter",
                rules_version=self.version,
                why=f"The reporter ({created.source}) said {created.priority}.",
                confidence=1.0,
            )
        reading = self._scales.read(
            created.labels,
            source=created.source,
            service=created.service,
            environment=created.environment,
        )
        if reading is not None:
            return reading.priority, self._decision(
                f"scales.{reading.scale}",
                f"The label {reading.label} is {reading.value}, "
                f"which means {reading.priority} on the {reading.scale} scale.",
                (f"{reading.label}: {reading.value}",),
                confidence=1.0,
            )
        for rule, reason, evidence in rules:
            if rule.priority is not None:
                why = f"The rule {rule.name} makes it {rule.priority}: {reason}."
                return rule.priority, self._decision(f"rules.{rule.name}", why, evidence, confidence=1.0)
        return self._alarm(texts)

    def _alarm(self, texts: Texts) -> tuple[Priority, Decision]:
        """By the words alone, which only ever raise."""
        otherwise = self.rules.otherwise
        worst, evidence = otherwise, list[str]()
        for field, text in texts.items():
            for term, meanings in self._alarms.find(text).items():
                priority = max(meanings, key=_RANK.__getitem__)
                if _RANK[priority] > _RANK[worst]:
                    worst, evidence = priority, []
                if priority == worst != otherwise:
                    evidence.append(f"{field}: {term}")
        if not evidence:
            return otherwise, self._decision(
                "otherwise", f"Nothing says how bad it is, so it is {otherwise}.", (), confidence=0.0
            )
        why = f"It says {_listed(evidence)}, which sounds {worst}; no severity was given."
        return worst, self._decision(f"keywords.{worst}", why, tuple(evidence), confidence=0.5)

    def _category(
        self, texts: Texts, rules: Sequence[tuple[Rule, str, tuple[str, ...]]]
    ) -> tuple[str, Decision]:
        for rule, reason, evidence in rules:
            if rule.category is not None:
                why = f"The rule {rule.name} makes it {rule.category}: {reason}."
                return rule.category, self._decision(f"rules.{rule.name}", why, evidence, confidence=1.0)
        found: dict[tuple[str, str], tuple[float, str]] = {}
        scores: dict[str, float] = {}
        for field, text in texts.items():
            factor = 1.0 if field == "description" else _IN_THE_LEAD
            for term, meanings in self._terms.find(text).items():
                for category, weight in meanings:
                    if (category, term) not in found:
                        found[category, term] = (weight * factor, field)
                        scores[category] = scores.get(category, 0.0) + weight * factor
        if not scores:
            return UNCATEGORIZED, self._decision(
                "threshold",
                "It has none of the terms of any category, so people sort it.",
                (),
                confidence=0.0,
            )
        total = sum(scores.values()) + _DOUBT
        ranked = sorted(scores.items(), key=lambda entry: -entry[1])[:3]
        candidates = tuple(Candidate(category, round(score / total, 3)) for category, score in ranked)
        best, confidence = candidates[0].category, candidates[0].score
        strongest = sorted(
            (
                (weight, f"{field}: {term}")
                for (category, term), (weight, field) in found.items()
                if category == best
            ),
            key=lambda entry: -entry[0],
        )
        evidence = tuple(words for _, words in strongest[:_SHOWN])
        if confidence < self.rules.threshold:
            why = (
                f"No category stands out: the best guess, {best}, has a confidence of {confidence:.2f}, "
                f"and {self.rules.threshold:.2f} is asked for. People sort it."
            )
            return UNCATEGORIZED, self._decision("threshold", why, evidence, confidence, candidates)
        why = f"It speaks of {_listed(evidence)}, which points to {best}."
        return best, self._decision(f"categories.{best}", why, evidence, confidence, candidates)

    def _decision(
        self,
        rule: str,
        why: str,
        evidence: tuple[str, ...],
        confidence: float,
        candidates: tuple[Candidate, ...] = (),
    ) -> Decision:
        return Decision(
            decided_by="rules",
            rule=rule,
            rules_version=self.version,
            why=why,
            evidence=evidence,
            confidence=confidence,
            candidates=candidates,
        )


def classify(created: Created, classifier: Classifier) -> Classify:
    """What the classifier makes of a new incident."""
    return classifier.classify(created)


def _listed(evidence: Sequence[str]) -> str:
    """The first few terms, quoted, without the field they stand in."""
    words = list(dict.fromkeys(f'"{entry.partition(": ")[2]}"' for entry in evidence))
    return ", ".join(words[:_QUOTED]) + (" and more" if len(words) > _QUOTED else "")
