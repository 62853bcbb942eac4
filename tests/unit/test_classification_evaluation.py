"""How often the rules agree with people, and the command that says it."""

import json
from pathlib import Path

import pytest

from pulseops.classification.evaluation import Judged, report
from pulseops.cli.classifier import classifier

A, B = "lab a", "lab b"


def test_the_figures_are_those_worked_out_by_hand() -> None:
    made = report(
        [
            Judged(A, "critical", "critical"),
            Judged(A, "critical", "medium"),
            Judged(A, "high", "critical"),
            Judged(B, "medium", "medium"),
            Judged(B, "low", "none"),
        ],
        abstention="none",
    )
    assert (made.overall.rows, made.overall.accuracy, made.overall.abstained) == (5, 0.4, 0.2)
    assert made.overall.macro_f1 == round((2 / 4 + 0 + 2 / 3 + 0) / 4, 4)
    assert made.overall.urgent_recall == round(2 / 3, 4)
    assert made.sources[B].urgent_recall is None
    assert [figures.rows for figures in made.sources.values()] == [3, 2]
    assert made.confusion["critical"] == {"critical": 1, "medium": 1}


def test_rules_that_are_always_right_score_one() -> None:
    made = report([Judged(A, label, label) for label in ("x", "y")], abstention="none")
    assert (made.overall.accuracy, made.overall.macro_f1, made.overall.abstained) == (1, 1, 0)


ROWS = [
    {
        "title": "MySQL down",
        "category": "database",
        "source": A,
        "split": "dev",
        "labels": {"x": float("nan")},
    },
    {"title": "Kafka lag", "category": "messaging", "priority": "high", "source": B, "split": "train"},
    {"title": "Hello", "description": "you", "category": "auth", "source": B},
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "labelled.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)) + "\n\n")
    return path


def test_the_command_prints_figures_by_source_and_a_confusion_table(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    classifier(["evaluate", "--data", str(data)], result_action="return_value")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("3 texts by the rules default-1, ")
    assert any(line.split() == ["lab", "b", "2", "0.500", "0.500", "0.500"] for line in lines)
    assert any(line.split() == ["all", "3", "0.667", "0.667", "0.333"] for line in lines)
    assert any(line.split() == ["auth", "·", "·", "1"] for line in lines)


def test_the_command_prints_json_and_keeps_to_a_split(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    classifier(["evaluate", "--data", str(data), "--json", "--split", "train"], result_action="return_value")
    made = json.loads(capsys.readouterr().out)
    assert (made["rows"], made["rulesVersion"]) == (1, "default-1")
    assert made["category"]["overall"]["accuracy"] == 1
    assert made["priority"]["overall"]["urgentRecall"] == 0


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "labelled.jsonl:5: not a labelled text: Expecting property name"),
        ('{"title": 3}', "labelled.jsonl:5: not a labelled text: Expected `str`, got `int` - at `$.title`"),
        ('{"title": "a", "priority": "urgent"}', "labelled.jsonl:5: not a labelled text: Invalid enum value"),
        ('{"title": "a"}', "labelled.jsonl:5: neither category nor priority"),
        ("[" * 100_000, "labelled.jsonl:5: not a labelled text"),
        ("\x00", "labelled.jsonl:5: not a labelled text"),
    ],
)
def test_a_bad_line_is_named(
    data: Path, capsys: pytest.CaptureFixture[str], line: str, complaint: str
) -> None:
    with data.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(SystemExit) as left:
        classifier(["evaluate", "--data", str(data)], result_action="return_value")
    assert left.value.code == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--data", "none.jsonl"], "none.jsonl: No such file or directory"),
        (["--data", "DATA", "--rules", "none.yaml"], "none.yaml:1: the file cannot be read"),
        (["--data", "DATA", "--rules", "DATA"], "this is not YAML"),
        (["--data", "/dev/null"], "/dev/null: no rows"),
    ],
)
def test_files_that_will_not_do_are_named(
    data: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    given = [str(data) if argument == "DATA" else argument for argument in arguments]
    with pytest.raises(SystemExit) as left:
        classifier(["evaluate", *given], result_action="return_value")
    assert left.value.code == 2
    assert complaint in capsys.readouterr().err
