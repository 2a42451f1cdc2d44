from pathlib import Path

import pytest

from core.health.alerts import CONDITIONS
from core.health.housekeeping import DAY
from core.webhooks.apply import POLICY

MANUAL = Path(__file__).parents[2] / "docs" / "operations.md"


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.name)
def test_every_alert_has_a_page_that_says_what_to_do(condition):
    headings = [line for line in MANUAL.read_text().splitlines() if line.startswith("### ")]
    assert any(condition.name in heading for heading in headings)


def test_no_two_alerts_have_one_name():
    assert len({condition.name for condition in CONDITIONS}) == len(CONDITIONS)


def test_the_curve_of_retries_is_the_one_that_was_decided():
    waits = [step.total_seconds() for step in POLICY.steps]
    minutes = [60 * value for value in (5, 15, 30, 60, 120, 240, 480)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, *minutes]
    assert sum(waits) < DAY.total_seconds()
