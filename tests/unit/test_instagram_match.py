"""Which public post is ours, if the answer to the publish call was lost."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from platforms.insights_base import PublicItem
from platforms.instagram.kinds import KINDS
from platforms.instagram.match import find_candidates, fold_text, has_rival
from platforms.publishing import Evidence, MediaItem, Publication

UNSAFE_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
ITEM = PublicItem("179", posted_at=UNSAFE_AT, text="Hi ada #x", product="FEED", media_type="IMAGE")
CHILDREN = tuple(MediaItem(position, "item") for position in (1, 2, 3))


def make_publication(kind="IMAGE", text="Hi  @ada\n#x", **fields):
    return Publication(
        kind=KINDS[kind],
        text=text,
        destination_id="1784",
        now=UNSAFE_AT,
        created_at=UNSAFE_AT - timedelta(hours=1),
        unsafe_at=UNSAFE_AT,
        **fields,
    )


def is_found(publication, **changes):
    return bool(find_candidates(publication, [replace(ITEM, **changes)]))


def test_texts_are_compared_without_signs_and_white_space():
    assert fold_text("  Hi\u00a0@ada \n\n#x ") == "Hi ada #x"
    assert fold_text("cafe\u0301") == fold_text("caf\u00e9")
    assert is_found(make_publication())
    assert not is_found(make_publication(), text="Hi ada #y")
    assert not is_found(make_publication(), text="")


@pytest.mark.parametrize(
    ("seconds", "expected"), [(-31, False), (-30, True), (0, True), (90_000, True)]
)
def test_the_post_is_not_older_than_the_call(seconds, expected):
    posted_at = UNSAFE_AT + timedelta(seconds=seconds)
    assert is_found(make_publication(), posted_at=posted_at) is expected


def test_a_post_without_a_time_is_none_of_ours():
    assert not is_found(make_publication(), posted_at=None)


@pytest.mark.parametrize(
    ("kind", "product", "media_type"),
    [
        ("IMAGE", "FEED", "IMAGE"),
        ("REELS", "REELS", "VIDEO"),
        ("CAROUSEL", "FEED", "CAROUSEL_ALBUM"),
        ("STORIES", "STORY", "VIDEO"),
        ("STORIES", "STORY", "IMAGE"),
    ],
)
def test_the_kind_has_to_agree(kind, product, media_type):
    publication = make_publication(kind)
    assert is_found(publication, product=product, media_type=media_type)
    assert is_found(publication, product=None, media_type=None)
    assert not is_found(publication, product="AD", media_type=media_type)


@pytest.mark.parametrize(("count", "expected"), [(3, True), (None, True), (2, False)])
def test_a_carousel_has_as_many_items(count, expected):
    publication = make_publication("CAROUSEL", media=CHILDREN)
    found = is_found(publication, media_type="CAROUSEL_ALBUM", part_count=count)
    assert found is expected


def test_posts_of_others_are_left_out():
    publication = make_publication(evidence=Evidence(known_ids=frozenset({"179"})))
    assert not is_found(publication)


def test_a_caption_that_cannot_be_read_decides_nothing():
    assert is_found(make_publication(), text=None)


def test_a_rival_has_the_same_text():
    evidence = Evidence(rivals=("hi", "Hi ada #x"))
    assert has_rival(make_publication(evidence=evidence), has_captions=True)
    assert not has_rival(make_publication(text="other", evidence=evidence), has_captions=True)
    assert has_rival(make_publication(text="other", evidence=evidence), has_captions=False)
    assert not has_rival(make_publication(), has_captions=False)
