"""The rules file: what comes from where, and every mistake on its line."""

import re
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from pulseops.rulebook.loader import demo_rulebook, load_rulebook
from pulseops.rulebook.problems import RulebookInvalid
from pulseops.rulebook.recording import said

CATEGORIES = [
    *("database", "messaging", "network", "storage", "infrastructure", "security", "auth", "observability"),
    *("ci_cd", "application", "payment", "frontend", "third_party"),
]


@pytest.fixture
def write(tmp_path: Path) -> Path:
    return tmp_path / "rules.yaml"


def problems(path: Path, text: str) -> list[str]:
    """The complaints about a file, without its folder."""
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RulebookInvalid) as refused:
        load_rulebook(path)
    return [line.replace(f"{path.parent}/", "") for line in str(refused.value).splitlines()]


def test_the_default_rulebook_is_whole() -> None:
    book = load_rulebook()
    assert list(book.classification.rules.categories) == CATEGORIES
    assert {book.classification.version, book.assignment.version, book.escalation.version} == {"default-1"}
    waits = {policy.name: [step.after for step in policy.steps] for policy in book.escalation.policies}
    assert waits == {"critical": [timedelta(minutes=5)] * 3, "high": [timedelta(minutes=15)] * 3}


def test_the_demo_differs_from_the_default_only_in_its_haste() -> None:
    book, demo = load_rulebook(), demo_rulebook()
    assert demo.assignment == book.assignment
    assert demo.classification.rules == book.classification.rules
    assert re.fullmatch(r"demo-1~[0-9a-f]{8}", demo.escalation.version)
    whole = sum((step.after for step in demo.escalation.policies[0].steps), timedelta())
    assert whole <= timedelta(minutes=1)


def test_a_section_that_is_not_given_comes_from_the_default(write: Path) -> None:
    write.write_text('escalation: {version: "acme-1", policies: []}')
    book = load_rulebook(write)
    assert re.fullmatch(r"acme-1~[0-9a-f]{8}", book.escalation.version)
    assert book.escalation.policies == ()
    assert book.assignment == load_rulebook().assignment


def test_a_key_that_is_not_given_comes_from_the_default_and_the_version_says_so(write: Path) -> None:
    write.write_text(
        "classification:\n  version: acme-7\n  rules: [{name: shop, when: {service: shop}, priority: high}]\n"
    )
    rules = load_rulebook(write).classification.rules
    assert re.fullmatch(r"acme-7\+default-1~[0-9a-f]{8}", rules.version)
    assert [rule.name for rule in rules.rules] == ["shop"]
    assert rules.categories == load_rulebook().classification.rules.categories


def test_rules_of_one_version_that_are_not_the_same_are_cited_apart(write: Path) -> None:
    def cited(text: str) -> str:
        write.write_text(f"escalation:\n  version: acme-1\n{text}")
        return load_rulebook(write).escalation.version

    policy = "  policies: [{name: all, steps: [{after: %s, to: lead}]}]\n"
    first = cited(policy % "15m")
    assert cited(f"# Said otherwise.\n{policy % '900s'}") == first
    assert cited(policy % "5m") != first


def test_whoever_changes_the_rules_of_a_release_changes_their_version() -> None:
    book = load_rulebook()
    sums = {
        name: sha256(msgspec.json.encode(said(section), order="sorted")).hexdigest()[:12]
        for name, section in (
            ("classification", book.classification.rules),
            ("assignment", book.assignment),
            ("escalation", book.escalation),
        )
    }
    assert sums == {
        "classification": "a14c2d0af7eb",
        "assignment": "e774374e3adc",
        "escalation": "3f920a0d5021",
    }, "these are default-1: others need another name"


def test_operators_may_have_categories_of_their_own(write: Path) -> None:
    write.write_text(
        "classification:\n  version: v1\n  categories:\n    trains: {names: [locomotive]}\n"
        "assignment:\n  version: v1\n  teams: [{name: rail}]\n"
        "  routes: [{name: rail, when: {category: trains}, team: rail}]\n  otherwise: rail\n"
    )
    assert list(load_rulebook(write).classification.rules.categories) == ["trains"]


def test_plain_words_are_words_whatever_yaml_thinks_of_them(write: Path) -> None:
    write.write_text(
        "escalation:\n  version: 1.10\n  policies:\n  - {name: no, steps: [{after: 5m, to: on}]}\n"
    )
    rules = load_rulebook(write).escalation
    assert rules.version.startswith("1.10~")
    assert (rules.policies[0].name, rules.policies[0].steps[0].to) == ("no", "on")


def test_several_mistakes_are_reported_at_once_in_the_order_of_their_lines(write: Path) -> None:
    text = """\
assignment:
  version: v1
  teams:
    - {name: database, description: Databases}
  routes:
    - name: db
      when: {categry: database}
      team: databse
    - name: db
      when: {category: datbase, priority: urgent}
      team: database
  otherwise: triage
escalation:
  version: v1
  policies:
    - name: critical
      when: {priority: critical}
      steps:
        - {after: 5 minutes, to: lead}
        - {after: 10m}
"""
    assert problems(write, text) == [
        (
            "rules.yaml:7: assignment.routes[0].when.categry: "
            'there is no "categry" here; did you mean "category"?'
        ),
        (
            'rules.yaml:10: assignment.routes[1].when.priority: "urgent" is not known; '
            "there is critical, high, low, medium"
        ),
        (
            "rules.yaml:19: escalation.policies[0].steps[0].after: "
            "'5 minutes' is not a duration; write it like 90s, 5m or 1h30m"
        ),
        'rules.yaml:20: escalation.policies[0].steps[1]: "to" is missing',
    ]


def test_names_that_do_not_exist_are_reported_with_a_suggestion(write: Path) -> None:
    text = """\
assignment:
  version: v1
  teams:
    - {name: database}
    - {name: database}
  routes:
    - {name: db, when: {category: datbase}, team: databse}
    - {name: db, when: {team: database}, team: database}
  otherwise: triage
"""
    assert problems(write, text) == [
        'rules.yaml:5: assignment.teams[1].name: the name "database" is taken',
        'rules.yaml:7: assignment.routes[0].team: there is no team "databse"; did you mean "database"?',
        (
            "rules.yaml:7: assignment.routes[0].when.category: "
            'there is no category "datbase"; did you mean "database"?'
        ),
        'rules.yaml:8: assignment.routes[1].name: the name "db" is taken',
        (
            "rules.yaml:8: assignment.routes[1].when.team: the team cannot be asked for here; "
            "priority, category, source, service, environment, labels can"
        ),
        'rules.yaml:9: assignment.otherwise: there is no team "triage"; there is database',
    ]


def test_a_policy_says_what_runs_out_and_how_often_it_is_gone_through(write: Path) -> None:
    write.write_text(
        "escalation:\n  version: v1\n  policies:\n"
        "  - {name: a, repeat: 2, unacknowledge_after: 4h, resolve_after: 14d, steps: [{after: 5m, to: b}]}\n"
    )
    (policy,) = load_rulebook(write).escalation.policies
    assert policy.repeat == 2
    assert (policy.unacknowledge_after, policy.resolve_after) == (timedelta(hours=4), timedelta(days=14))
    for default in load_rulebook(None).escalation.policies:
        assert (default.repeat, default.unacknowledge_after, default.resolve_after) == (0, None, None)


POLICY = "escalation:\n  version: v1\n  policies:\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "rules.yaml:1: the file is empty; give it a section, such as escalation"),
        ("- a\n", "rules.yaml:1: the file must hold sections, such as escalation"),
        (
            "escalaton: {}\n",
            'rules.yaml:1: escalaton: there is no section "escalaton"; did you mean "escalation"?',
        ),
        ("\nescalation: 5\n", "rules.yaml:2: escalation: this must be a mapping, written as `key: value`"),
        ("escalation:\n  policies: []\n", "a section needs a version of its own, for decisions to cite"),
        (POLICY + "    a: b\n", "rules.yaml:3: escalation.policies: this must be a list"),
        (POLICY + "  - {name: x}\n", 'rules.yaml:4: escalation.policies[0]: "steps" is missing'),
        (POLICY + "  - {name: x, steps: []}\n", "policies[0].steps: there are no steps"),
        (POLICY + "  - {name: '', steps: [{after: 5m, to: a}]}\n", "policies[0].name: this is empty"),
        (POLICY + "  - {name: x, steps: [{after: 0s, to: a}]}\n", "the shortest duration is 1s"),
        (
            POLICY + "  - {name: x, steps: [{after: [5m], to: a}]}\n",
            "steps[0].after: this must be a single value",
        ),
        (
            POLICY + "  - {name: x, steps: [{after: 5m, to: 'a {taem}'}]}\n",
            "{taem} stands for nothing; {team} does",
        ),
        (
            POLICY + "  - name: x\n    name: y\n    steps: []\n",
            'rules.yaml:5: escalation.policies[0]: "name" is here',
        ),
        (
            POLICY + "  - {name: a, steps: [{after: 5m, to: a}]}\n"
            "  - {name: b, when: {priority: high}, steps: [{after: 5m, to: a}]}\n",
            'rules.yaml:5: escalation.policies[1]: this can never fire: "a" takes all its incidents',
        ),
        (
            POLICY + "  - {name: a, when: {service: 'shop*'}, steps: [{after: 5m, to: a}]}\n"
            "  - {name: b, when: {service: [shop-web], priority: high}, steps: [{after: 5m, to: a}]}\n",
            'rules.yaml:5: escalation.policies[1]: this can never fire: "a" takes all its incidents',
        ),
        (
            POLICY + "  - {name: a, repeat: -1, steps: [{after: 5m, to: a}]}\n",
            'rules.yaml:4: escalation.policies[0].repeat: "-1" is not a whole number from 0',
        ),
        (
            POLICY + "  - {name: a, repeat: 51, steps: [{after: 5m, to: a}]}\n",
            "policies[0].repeat: the steps are gone through again 50 times at most",
        ),
        (
            POLICY + "  - {name: a, unacknowledge_after: soon, steps: [{after: 5m, to: a}]}\n",
            "policies[0].unacknowledge_after: 'soon' is not a duration",
        ),
        (
            POLICY + "  - {name: a, repeat: 1, resolve_after: 10m, steps: [{after: 5m, to: a}]}\n",
            "policies[0].resolve_after: the last level hears of it after 10m: an incident cannot be over by",
        ),
        (
            POLICY + "  - {name: a, when: {team: nobody}, steps: [{after: 5m, to: a}]}\n",
            'rules.yaml:4: escalation.policies[0].when.team: there is no team "nobody"',
        ),
        (
            POLICY + "  - {name: a, when: {labels: {a: b}}, steps: [{after: 5m, to: a}]}\n",
            "the labels cannot be asked for here",
        ),
        (
            "classification:\n  version: v1\n  keywords: {low: [fine]}\n",
            'rules.yaml:3: classification.keywords.low: "low" is not known; there is critical, high, medium',
        ),
        (
            "classification:\n  version: v1\n  keywords:\n    high: [down, '!!']\n",
            'rules.yaml:4: classification.keywords.high[1]: "!!" has neither letters nor digits',
        ),
        (
            "classification:\n  version: v1\n  keywords: {high: [fall over], critical: [FallOver]}\n",
            'classification.keywords.critical[0]: "FallOver" is listed before, as "fall over"',
        ),
        ("classification: {version: v1, threshold: 3}\n", "threshold: a confidence runs from 0 to 1"),
        ("classification: {version: v1, threshold: nan}\n", "threshold: a confidence runs from 0 to 1"),
        ("classification: {version: v1, threshold: much}\n", 'threshold: "much" is not a number'),
        (
            "classification: {version: v1, rules: [{name: a}]}\n",
            "the rule sets neither a priority nor a category",
        ),
        (
            "classification: {version: v1, rules: [{name: a, when: {category: auth}, priority: high}]}\n",
            "the category cannot be asked for here",
        ),
        (
            "classification: {version: v1, scales: [\n{name: a, labels: x, values: {high: a, low: [A ]}}]}\n",
            'rules.yaml:2: classification.scales[0].values.low[0]: "A" means high already',
        ),
        ("a: &x 1\nb: *x\n", "rules.yaml:1: anchors (&) and aliases (*) are not used here"),
        ("a: 1\n\tb: 2\n", "rules.yaml:2: this is not YAML: "),
        ("a: 1\n---\nb: 2\n", "rules.yaml:2: this is not YAML: "),
        ("a: 1\nb: \x07\n", "rules.yaml:2: this is not YAML: "),
        ('a: 1\nb: "x\\0y"\n', "rules.yaml:2: PostgreSQL cannot hold U+0000"),
        ("\n" + "[" * 1_000, "rules.yaml:2: this is nested more than 20 deep"),
        ("#" * 1_000_001, "rules.yaml:1: the file is larger than 1,000,000 bytes"),
        ("? [a, b]\n: c\n", 'rules.yaml:1: ?: there is no section "?"'),
    ],
)
def test_a_mistake_is_named_on_its_line(write: Path, text: str, complaint: str) -> None:
    found = problems(write, text)
    assert any(complaint in line for line in found), found


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(RulebookInvalid, match=r"none\.yaml:1: the file cannot be read: No such file"):
        load_rulebook(tmp_path / "none.yaml")
    with pytest.raises(RulebookInvalid, match="the file cannot be read: Is a directory"):
        load_rulebook(tmp_path)


def test_a_file_that_is_not_utf_8_says_where(write: Path) -> None:
    write.write_bytes(b"escalation:\n  version: \xff\n")
    with pytest.raises(RulebookInvalid, match=r"rules\.yaml:2: this is not UTF-8 text"):
        load_rulebook(write)


def test_a_mistake_in_the_defaults_shadow_is_placed_in_the_default(write: Path) -> None:
    """Teams without the routes to match: the routes that break are the default's."""
    found = problems(write, "assignment:\n  version: v1\n  teams: [{name: a}]\n  otherwise: a\n")
    assert all(line.startswith("default.yaml:") for line in found)
    assert "there is no team" in found[0]
