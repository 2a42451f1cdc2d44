"""A file's host that does not answer Instagram at the due minute gets time to come back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from platforms.instagram.part_results import FETCH_WAITS, NOBODY_WAITS_AFTER, with_fetch_wait
from platforms.publishing import PartDiscarded, PartReported, WaitFor
from tests.unit.test_instagram_steps import NOW, make_part, make_publication

DISCARDED = PartDiscarded(1, "media_not_fetchable", "t")


def waits(results):
    return [result.delay for result in results if isinstance(result, WaitFor)]


@pytest.mark.parametrize("tries", [0, 1, 2])
def test_a_container_whose_file_could_not_be_fetched_is_made_again_after_a_growing_wait(tries):
    publication = make_publication("CAROUSEL", [replace(make_part(1), tries=tries)])
    for code in ("media_not_fetchable", "media_download_timeout"):
        results = with_fetch_wait(publication, [replace(DISCARDED, code=code)])
        assert waits(results) == [FETCH_WAITS[min(tries, 1)]]
    assert FETCH_WAITS[0] < FETCH_WAITS[1] < timedelta(hours=1)


def test_a_person_who_has_just_requested_the_post_does_not_wait():
    publication = make_publication("CAROUSEL", [make_part(1)])
    recent = replace(publication, created_at=NOW - NOBODY_WAITS_AFTER / 2)
    assert with_fetch_wait(recent, [DISCARDED]) == [DISCARDED]


def test_other_ends_of_a_container_wait_for_nothing():
    publication = make_publication("CAROUSEL", [make_part(1)])
    others = [PartDiscarded(1, "container_expired", "t"), PartReported(2, "FINISHED")]
    assert with_fetch_wait(publication, others) == others
