"""How bad, and of what kind: the default rules on representative texts, and what holds for any text."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseops.classification.lexicon import key, plural
from pulseops.classification.reactor import react
from pulseops.classification.rules import (
    ClassificationRules,
    Classifier,
    Rule,
    Vocabulary,
    classify,
)
from pulseops.incidents.commands import Classify
from pulseops.incidents.events import Acknowledged, Created
from pulseops.incidents.selector import Selector
from pulseops.rulebook.loader import load_rulebook
from tests.unit.facts import incident_of, recorded

DEFAULT = load_rulebook().classification


def judge(title: str, **fields: Any) -> Classify:
    return classify(Created(title=title, **fields), DEFAULT)


@pytest.mark.parametrize(
    ("title", "description", "category"),
    [
        ("PostgreSQL replication lag above 30 s on orders-db-2", "", "database"),
        ("RedisOutOfConfiguredMaxmemory", "Redis is running out of configured maxmemory", "database"),
        ("Kafka consumer group billing is 200k messages behind", "", "messaging"),
        ("DNS lookups fail from the Frankfurt region", "", "network"),
        ("LoadBalancer5xx", "The load balancer answers 502 for every second request", "network"),
        ("Nightly backup of the file share did not finish", "", "storage"),
        ("KubePodCrashLooping", "Pod checkout-7d9 is restarting 3 times / 5 minutes", "infrastructure"),
        ("CPU at 100 % on build-host-3", "load average 94", "infrastructure"),
        ("TLS certificate of api.example.com expires in 2 days", "", "security"),
        ("Mimikatz seen on a workstation in finance", "credential dumping suspected", "security"),
        ("Nobody can log in: Keycloak answers 500", "", "auth"),
        ("Users get logged out, SSO loops back to the login page", "", "auth"),
        ("Prometheus cannot scrape half of its targets", "", "observability"),
        ("Jenkins pipeline for the web shop has been red since noon", "build failed in stage test", "ci_cd"),
        ("Unhandled exception in order service", "NullPointerException, stack trace attached", "application"),
        ("Stripe declines every second credit card", "customers cannot pay", "payment"),
        ("White screen in Safari after today's release", "uncaught TypeError, React hydration", "frontend"),
        ("Twilio does not deliver our SMS, their status page is red", "vendor outage", "third_party"),
    ],
)
def test_the_default_rules_know_what_kind_it_is(title: str, description: str, category: str) -> None:
    result = judge(title, description=description)
    assert result.category == category, result.category_decision
    assert result.category_decision.rule == f"categories.{category}"
    assert result.category_decision.candidates[0].category == category


@pytest.mark.parametrize("title", ["Help", "Something is odd", "???", "Störung im Büro", "asdf"])
def test_what_says_nothing_is_left_to_people(title: str) -> None:
    result = judge(title)
    assert result.category == "uncategorized"
    assert result.category_decision.rule == "threshold"


@pytest.mark.parametrize(
    ("fields", "priority", "rule"),
    [
        ({"priority": "low", "labels": {"severity": "critical"}}, "low", "reporter"),
        ({"labels": {"severity": "critical"}}, "critical", "scales.words"),
        ({"labels": {"Severity": " WARNING "}}, "medium", "scales.words"),
        ({"labels": {"priority": "P2"}}, "high", "scales.words"),
        ({"labels": {"urgency": "info"}}, "low", "scales.words"),
        ({"labels": {"level": "debug", "severity": "banana"}}, "low", "scales.words"),
        ({"labels": {"severity": "5"}, "source": "zabbix"}, "critical", "scales.zabbix"),
        ({"labels": {"severity": "0"}, "source": "azure-monitor"}, "critical", "scales.azure"),
        ({"labels": {"severity": "Sev3"}, "source": "azure-monitor"}, "low", "scales.azure"),
        ({"labels": {"severity": "3"}}, "medium", "otherwise"),
        ({"labels": {"severity": "disaster"}, "environment": "dev"}, "critical", "scales.words"),
        ({"environment": "dev", "description": "total outage"}, "medium", "rules.nobody-depends-on-it"),
        ({"description": "total outage, data loss"}, "critical", "keywords.critical"),
        ({"description": "the service is not responding"}, "high", "keywords.high"),
        (
            {"description": "data loss, then it went down, slowing down others"},
            "critical",
            "keywords.critical",
        ),
        ({"description": "it is slowing down a little"}, "medium", "otherwise"),
        ({"description": "low priority, info only, trivial, minor"}, "medium", "otherwise"),
        ({}, "medium", "otherwise"),
    ],
)
def test_the_first_that_has_an_answer_sets_the_priority(
    fields: dict[str, Any], priority: str, rule: str
) -> None:
    result = judge("Orders", **fields)
    assert (result.priority, result.priority_decision.rule) == (priority, rule)
    assert result.priority_decision.rules_version == DEFAULT.version


def test_the_reasons_are_sentences_for_a_responder() -> None:
    result = judge("RabbitMQ is unreachable", labels={"team": "blue"})
    assert result.priority_decision.why == (
        'It says "unreachable", which sounds high; no severity was given.'
    )
    assert result.priority_decision.evidence == ("title: unreachable",)
    assert result.category_decision.why == 'It speaks of "rabbitmq", which points to messaging.'
    assert result.category_decision.evidence == ("title: rabbitmq",)
    mapped = judge("Disk", labels={"Severity": "DISASTER"}, source="zabbix-7").priority_decision
    assert mapped.why == "The label Severity is DISASTER, which means critical on the zabbix scale."
    said = judge("Disk", priority="high", source="webhook").priority_decision
    assert (said.decided_by, said.why) == ("reporter", "The reporter (webhook) said high.")


OWN = Classifier(
    ClassificationRules(
        version="acme-3",
        rules=(
            Rule(
                name="checkout",
                when=Selector(service=("checkout*",), labels={"tier": ("1", "gold*")}),
                text=("timeout", "declined"),
                priority="critical",
            ),
            Rule(name="shop", when=Selector(service=("*shop*",)), category="payment"),
            Rule(name="everything", priority="low"),
        ),
        categories={"database": Vocabulary(names=("postgresql",))},
    )
)


@pytest.mark.parametrize(
    ("fields", "priority", "category"),
    [
        (
            {"service": "checkout-eu", "labels": {"tier": "gold+"}, "title": "Timeouts"},
            "critical",
            "uncategorized",
        ),
        ({"service": "checkout-eu", "labels": {"tier": "2"}, "title": "Timeouts"}, "low", "uncategorized"),
        ({"service": "checkout-eu", "labels": {"tier": "1"}, "title": "Slow"}, "low", "uncategorized"),
        ({"service": "Web-Shop-2", "title": "PostgreSQL down"}, "low", "payment"),
        ({"service": None, "title": "PostgreSQL down"}, "low", "database"),
    ],
)
def test_an_operators_rules_go_by_service_labels_and_text(
    fields: dict[str, Any], priority: str, category: str
) -> None:
    result = classify(Created(**fields), OWN)
    assert (result.priority, result.category) == (priority, category)


def test_an_operators_rule_says_what_it_saw() -> None:
    result = classify(Created(title="Card declined", service="checkout", labels={"tier": "1"}), OWN)
    assert result.priority_decision.why == (
        'The rule checkout makes it critical: service is checkout and label tier is 1 and it says "declined".'
    )
    assert result.priority_decision.evidence == ("title: declined",)


ANY = st.builds(
    Created,
    title=st.text(min_size=1, max_size=200),
    description=st.text(max_size=3_000),
    source=st.text(min_size=1, max_size=20),
    service=st.none() | st.text(min_size=1, max_size=50),
    environment=st.none() | st.sampled_from(["production", "dev", "\x00"]),
    labels=st.dictionaries(st.sampled_from(["severity", "priority", "x"]), st.text(max_size=20), max_size=3),
)
WORDY = st.lists(
    st.sampled_from(
        [
            "postgresDown",
            "Load-Balancer",
            "queries",
            "OUTAGE",
            "kafka_lag",
            "oom",
            "killed",
            "k8s",
            "IS",
            "full",
        ]
    ),
    min_size=1,
    max_size=30,
).map(" ".join)


@given(ANY)
def test_any_text_is_classified_and_always_alike(created: Created) -> None:
    first = classify(created, DEFAULT)
    assert first == classify(created, Classifier(DEFAULT.rules))
    assert first.priority in {"low", "medium", "high", "critical"}
    assert first.category in {*DEFAULT.rules.categories, "uncategorized"}
    for decision in (first.priority_decision, first.category_decision):
        assert decision.why.endswith(".")
        assert decision.confidence is not None
        assert 0 <= decision.confidence <= 1
        assert len(decision.candidates) <= 3


@given(WORDY, WORDY)
def test_the_evidence_really_stands_in_the_text(title: str, description: str) -> None:
    title = f"mysql {title}"
    result = judge(title, description=description)
    fields = {"title": key(title), "description": key(description)}
    evidence = result.category_decision.evidence + result.priority_decision.evidence
    assert evidence
    for entry in evidence:
        field, _, term = entry.partition(": ")
        assert key(term) in fields[field] or plural(key(term)) in fields[field]


@given(st.text(max_size=300), st.text(max_size=300))
def test_text_alone_never_makes_an_incident_low(title: str, description: str) -> None:
    assert judge(title, description=description).priority != "low"


def test_a_created_incident_is_classified_and_nothing_else_is() -> None:
    created = recorded(Created(title="Redis is down"))
    incident = incident_of(created)
    (command,) = react(created, incident, rules=DEFAULT)
    assert command.category == "database"
    assert react(recorded(Acknowledged(), version=2), incident, rules=DEFAULT) == []
