"""The harness has teeth: bugs that are planted in PulseOps are found under the faults that show them."""

import pytest

from tests.faults.controls import CONTROLS, Control, caught


@pytest.mark.long
@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_a_planted_bug_is_found(control: Control) -> None:
    finding = caught(control, seed=1)
    if finding.red is None:
        pytest.skip(finding.told)
    assert finding.red, finding.told
