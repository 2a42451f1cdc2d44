"""Negative controls: with a safeguard switched off, what the other tests look at goes wrong."""

import sys
import time

import pytest

from tests.flows.brokers import until
from tests.flows.fates import PUBLISHED, fate
from tests.flows.houses import a_house, moment
from tests.flows.strikes import (
    a_pull_whose_start_was_never_answered,
    a_start_that_outlived_its_lease,
    outcomes,
    starts,
)

pytestmark = pytest.mark.timeout(180)

SABOTEURS = (sys.executable, "-m", "tests.flows.saboteurs")
PATIENCE = 6.0  # seconds: six sweeps of a house that has them


@pytest.fixture(scope="module")
def sabotaged(tmp_path_factory):
    with a_house(tmp_path_factory.mktemp("sabotaged"), command=SABOTEURS) as house:
        yield house


@pytest.mark.xdist_group("saboteurs")
def test_without_the_fence_an_outlived_answer_overwrites_its_successor_s(sabotaged):
    sabotaged.calm()
    guest = sabotaged.guest()
    post_id = a_start_that_outlived_its_lease(sabotaged, guest)
    assert "fenced" not in outcomes(sabotaged, post_id)
    assert len(starts(guest, post_id)) == 2


@pytest.mark.xdist_group("saboteurs")
def test_without_reconciliation_a_lost_answer_is_a_second_publication(sabotaged):
    sabotaged.calm()
    guest = sabotaged.guest()
    post_id = a_pull_whose_start_was_never_answered(sabotaged, guest)
    until(lambda: len(guest.platform_posts()) == 2, within=60, what="the second start")
    guest.ended(post_id, within=60)
    until(lambda: guest.publications() == 2, what="both of them out")
    assert not fate(sabotaged, guest, post_id).is_honest


@pytest.mark.xdist_group("kills")
def test_without_the_sweep_a_post_that_fell_due_stays_where_it_is(house, guest):
    wish = {"source": "FILE_UPLOAD", "media_id": guest.file(), "mode": "DIRECT"}
    wish |= {"privacy_level": "SELF_ONLY"}
    with house.frozen("beat"):
        post_id = guest.wish(publish_at=moment(2), **wish)
        end = time.monotonic() + 2 + PATIENCE
        until(lambda: time.monotonic() > end, what="its hour and some sweeps more")
        assert guest.state(post_id) == "QUEUED"
    guest.ended(post_id)
    assert fate(house, guest, post_id) == PUBLISHED
