"""What the error codes of publishing mean, and the sentences for people."""

import re

import pytest

from platforms.base import Actor
from platforms.errors import OutcomeUnknown, PlatformError, RateLimited, Rejected, Unavailable
from platforms.instagram.adapter import FAILURE_REASONS
from platforms.instagram.container_calls import ContainerReport
from platforms.instagram.containers import ContainerState
from platforms.instagram.error_catalogue import ERROR_CATALOGUE, find_meaning
from platforms.instagram.error_meaning import FollowUp
from platforms.instagram.part_results import collect_results, result_of_error, results_of_report
from platforms.instagram.publishing_errors import (
    NEW_PART_CODES,
    PUBLISHING_MEANINGS,
    find_status_meaning,
)
from platforms.publishing import PartDiscarded, PartFailed, PartReported, PostVisible

ERROR_TEXT = "Error: Media upload has failed with error code {}"
NEW_CONTAINER = [
    (-2, 2207003),
    (-2, 2207020),
    (-1, 2207001),
    (-1, 2207032),
    (-1, 2207053),
    (24, 2207006),
    (24, 2207008),
    (9004, 2207052),
]
FOR_GOOD = [
    (36000, 2207004),
    (36001, 2207005),
    (36003, 2207009),
    (36004, 2207010),
    (352, 2207026),
    (1, 2207057),
    (100, 2207023),
    (100, 2207028),
    (100, 2207040),
]


@pytest.mark.parametrize("vendor_code", NEW_CONTAINER)
def test_a_new_container_may_succeed(vendor_code):
    meaning = find_meaning(vendor_code, is_transient=False)
    assert meaning.then is FollowUp.NEW_PART
    assert result_of_error(3, meaning.kind("m", code=meaning.code)) == PartDiscarded(
        3, meaning.code, "m"
    )


@pytest.mark.parametrize("vendor_code", FOR_GOOD)
def test_a_part_fails_for_good(vendor_code):
    meaning = find_meaning(vendor_code, is_transient=False)
    assert issubclass(meaning.kind, Rejected)
    assert result_of_error(0, meaning.kind("m", code=meaning.code)) == PartFailed(
        0, meaning.code, "m"
    )


def test_what_is_about_the_account_is_no_result_of_a_part():
    for vendor_code in [(25, 2207050), (10, None), (200, None), (100, 33), (190, 463), (4, None)]:
        meaning = find_meaning(vendor_code, is_transient=False)
        assert result_of_error(1, meaning.kind("m", code=meaning.code)) is None


def test_a_block_may_have_published_and_a_full_limit_has_not():
    block = ERROR_CATALOGUE[(4, 2207051)]
    assert (block.kind, block.then) == (OutcomeUnknown, FollowUp.STOP_ACCOUNT)
    assert ERROR_CATALOGUE[(9, 2207042)].kind is RateLimited
    assert issubclass(ERROR_CATALOGUE[(9007, 2207027)].kind, Unavailable)


@pytest.mark.parametrize("meaning", PUBLISHING_MEANINGS.values(), ids=lambda each: each.code)
def test_every_row_has_a_sentence_and_somebody_who_acts(meaning):
    assert re.fullmatch(r"[a-z]+(_[a-z]+)+", meaning.code)
    assert meaning.sentence.endswith(".")
    assert isinstance(meaning.who, Actor)
    assert issubclass(meaning.kind, PlatformError)
    assert FAILURE_REASONS[meaning.code].sentence == meaning.sentence


def test_every_reason_to_make_a_part_again_has_a_sentence():
    assert not NEW_PART_CODES - FAILURE_REASONS.keys()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (ERROR_TEXT.format(2207026), "video_format_unsupported"),
        (ERROR_TEXT.format(2207076), "media_processing_failed"),
        (ERROR_TEXT.format(2207077), "media_not_fetchable"),
        (ERROR_TEXT.format(2207081), "trial_reels_unavailable"),
        (ERROR_TEXT.format(2207082), "media_processing_failed"),
        (ERROR_TEXT.format(2207085), "platform_fault"),
        ("Kesalahan 2207003.", "media_download_timeout"),
        (ERROR_TEXT.format(2207999), "container_failed"),
        (ERROR_TEXT.format(12207026), "container_failed"),
        ("Error", "container_failed"),
        ("", "container_failed"),
        (None, "container_failed"),
    ],
)
def test_a_failed_container_names_a_subcode_in_its_sentence(text, code):
    assert find_status_meaning(text).code == code


def test_what_a_status_means_for_a_part():
    def results(status, text="t"):
        return results_of_report(2, ContainerReport(status, text))

    assert results(ContainerState.IN_PROGRESS) == [PartReported(2, "IN_PROGRESS", "t")]
    assert results(ContainerState.FINISHED) == [PartReported(2, "FINISHED", "t")]
    assert results(ContainerState.EXPIRED) == [PartDiscarded(2, "container_expired", "t")]
    assert results(ContainerState.PUBLISHED)[1] == PostVisible()
    text = ERROR_TEXT.format(2207026)
    assert results(ContainerState.ERROR, text) == [PartFailed(2, "video_format_unsupported", text)]
    assert results(ContainerState.ERROR) == [PartDiscarded(2, "container_failed", "t")]


def test_an_error_is_raised_only_if_nothing_was_made():
    made = PartReported(1, "FINISHED")
    assert collect_results([made], [Unavailable("m")]) == [made]
    assert collect_results([], []) == []
    with pytest.raises(Unavailable):
        collect_results([], [Unavailable("m"), Rejected("n")])
