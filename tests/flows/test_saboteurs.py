"""Negative controls: with a safeguard switched off, what the other tests look at goes wrong.

The sweep's own is in `test_broker_loss.py`: beat is easily stopped in any house.
"""

import sys

import pytest

from tests.flows.brokers import until
from tests.flows.fates import fate
from tests.flows.houses import a_house
from tests.flows.strikes import (
    a_pull_whose_start_was_never_answered,
    a_start_that_outlived_its_lease,
    outcomes,
    starts,
)

pytestmark = pytest.mark.timeout(180)

SABOTEURS = (sys.executable, "-m", "tests.flows.saboteurs")


@pytest.fixture(scope="module")
def sabotaged(tmp_path_factory):
    with a_house(tmp_path_factory.mktemp("sabotaged"), command=SABOTEURS) as house:
        yield house


def test_without_the_fence_an_outlived_answer_overwrites_its_successor_s(sabotaged):
    sabotaged.calm()
    guest = sabotaged.guest()
    post_id = a_start_that_outlived_its_lease(sabotaged, guest)
    assert "fenced" not in outcomes(sabotaged, post_id)
    assert len(starts(guest, post_id)) == 2


def test_without_reconciliation_a_lost_answer_is_a_second_publication(sabotaged):
    sabotaged.calm()
    guest = sabotaged.guest()
    post_id = a_pull_whose_start_was_never_answered(sabotaged, guest)
    until(lambda: len(guest.platform_posts()) == 2, within=60, what="the second start")
    guest.ended(post_id, within=60)
    until(lambda: guest.publications() == 2, what="both of them out")
    assert not fate(sabotaged, guest, post_id).is_honest
