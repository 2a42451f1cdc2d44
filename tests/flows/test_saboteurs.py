"""Negative controls: with a safeguard switched off, what the other tests look at goes wrong.

The sweep's own is in `test_broker_loss.py`: beat is easily stopped in any house.
"""

import sys

import pytest

from tests.flows.brokers import until
from tests.flows.fates import fate
from tests.flows.guests import PULL
from tests.flows.houses import a_house
from tests.flows.kinds import DRAFT, appeared, complaints
from tests.flows.strikes import (
    UNANSWERED,
    a_pull_whose_start_was_never_answered,
    a_start_that_outlived_its_lease,
    held,
    holds,
    outcomes,
    starts,
    strike,
)
from tests.flows.test_quota_storm import MAY, asked, storm

pytestmark = pytest.mark.timeout(180)

SABOTEURS = (sys.executable, "-m", "tests.flows.saboteurs")


@pytest.fixture(scope="module")
def sabotaged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sabotaged")
    with a_house(folder, command=SABOTEURS, TIKTOK_PENDING_LIMIT="1000") as house:
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


def test_without_reconciliation_a_lost_answer_is_a_second_draft_and_is_counted(sabotaged):
    sabotaged.calm()
    guest, kind = sabotaged.guest(), "draft of a film to be fetched"
    holds(sabotaged, "inbox_init", UNANSWERED)
    post_id = guest.wish(**PULL, **DRAFT)
    until(lambda: held(sabotaged, "inbox_init"), what="the start")
    strike(sabotaged, "worker")
    guest.ended(post_id, within=60)
    until(lambda: appeared(guest, kind) == 2, what="both of them delivered")
    assert complaints(sabotaged, guest, {kind: post_id})


def test_without_our_own_count_the_platform_has_to_refuse_a_storm(sabotaged):
    sabotaged.calm()
    guest = sabotaged.guest()
    sabotaged.sandbox.control("settings", pending_limit=MAY)
    storm(guest, mode="INBOX", wait=True)
    assert "spam_risk_too_many_pending_share" in asked(guest)
