"""The rules for Prometheus that the documents give are about what there is to measure."""

import re
from pathlib import Path

import yaml
from prometheus_client import REGISTRY

from pulseops.http import metrics

_TOLD = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()


def test_each_alert_is_about_figures_that_are_told_and_described() -> None:
    assert metrics.DATABASE
    [block] = [one for one in re.findall(r"```yaml\n(.*?)```", _TOLD, re.DOTALL) if "alert:" in one]
    [group] = yaml.safe_load(block)["groups"]
    named = {name for rule in group["rules"] for name in re.findall(r"pulseops_\w+", rule["expr"])}
    assert named <= {one.name for one in REGISTRY.collect()}
    assert [name for name in named if f"| `{name}` | gauge |" not in _TOLD] == []
    assert len({rule["alert"] for rule in group["rules"]}) == len(group["rules"])
