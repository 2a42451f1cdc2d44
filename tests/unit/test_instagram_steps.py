"""Which step an Instagram post needs next, for every state that a post can be in."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from platforms.base import Phase
from platforms.instagram.kinds import KINDS
from platforms.instagram.steps import (
    CHECK,
    CREATE,
    CREATE_PARENT,
    DETAILS,
    FIND,
    PUBLISH,
    SAFETY_BY_STEP,
    SEND,
    STEPS,
    find_next_step,
)
from platforms.publishing import NO_STEP, RECONCILE_STEP, MediaItem, Part, Publication, Safety
from platforms.secret import Secret

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER, EARLIER = NOW + timedelta(hours=1), NOW - timedelta(hours=1)
STATUSES = (None, "IN_PROGRESS", "FINISHED", "ERROR", "EXPIRED", "PUBLISHED", "NEW_WORD")
SINGLE = (MediaItem(0, "video", media_id=1, size=100, content_type="video/mp4"),)
ALBUM = (
    MediaItem(1, "item", url="https://cdn.example/1.jpg"),
    MediaItem(2, "item", media_id=2, size=100, content_type="video/mp4"),
)


def make_part(position, status="FINISHED", *, handle="17", is_over=False, offset=None):
    return Part(
        position,
        "item",
        handle=handle,
        status=status,
        created_at=EARLIER,
        expires_at=EARLIER if is_over else LATER,
        next_offset=offset or 0,
        upload_url=None if offset is None else Secret("https://rupload.facebook.com/x"),
    )


def make_publication(kind, parts=(), **fields):
    media = ALBUM if kind == "CAROUSEL" else SINGLE
    return Publication(
        kind=KINDS[kind],
        text="t",
        destination_id="1784",
        now=NOW,
        created_at=EARLIER,
        media=media,
        parts=tuple(parts),
        **fields,
    )


def part_states(position):
    """Every state of one part: absent, without a handle, and each status, alive and at its end."""
    yield None
    yield make_part(position, None, handle=None)
    for status, is_over in product(STATUSES, (False, True)):
        yield make_part(position, status, is_over=is_over)
    yield make_part(position, None, offset=0)
    yield make_part(position, None, offset=100)


def every_publication():
    positions = {"REELS": (0,), "CAROUSEL": (0, 1, 2)}
    for kind, places in positions.items():
        for states in product(*map(part_states, places)):
            parts = [part for part in states if part is not None]
            for phase, is_unconfirmed, times_absent, post_ids in product(
                (None, Phase.PROCESSING, Phase.PUBLISHED, Phase.FAILED),
                (False, True),
                (0, 3),
                ((), ("179",)),
            ):
                yield make_publication(
                    kind,
                    parts,
                    phase=phase,
                    is_unconfirmed=is_unconfirmed,
                    times_absent=times_absent,
                    post_ids=post_ids,
                )


def test_no_state_leads_to_a_second_publish():
    steps = set()
    for publication in every_publication():
        step = find_next_step(publication)
        steps.add(step)
        if step != PUBLISH:
            continue
        part = publication.get_part(0)
        assert part.status == "FINISHED"
        assert part.expires_at > NOW
        assert not publication.is_unconfirmed or publication.times_absent
        assert publication.phase not in {Phase.PUBLISHED, Phase.FAILED}
        assert not publication.post_ids
    assert steps == {*STEPS, NO_STEP}


def test_only_the_publish_call_is_unsafe():
    unsafe = {step for step, safety in SAFETY_BY_STEP.items() if safety is Safety.UNSAFE}
    assert unsafe == {PUBLISH}
    assert SAFETY_BY_STEP[CREATE] is SAFETY_BY_STEP[CREATE_PARENT] is Safety.REPLACEABLE
    assert [rule.name for rule in STEPS.values() if rule.is_upload] == [SEND]


@pytest.mark.parametrize(
    ("kind", "parts", "step"),
    [
        ("REELS", [], CREATE),
        ("REELS", [make_part(0, None, offset=0)], SEND),
        ("REELS", [make_part(0, None, offset=99)], SEND),
        ("REELS", [make_part(0, None, offset=100)], CHECK),
        ("REELS", [make_part(0, "IN_PROGRESS", offset=0)], CHECK),
        ("REELS", [make_part(0)], PUBLISH),
        ("REELS", [make_part(0, is_over=True)], CHECK),
        ("REELS", [make_part(0, "PUBLISHED")], CHECK),
        ("CAROUSEL", [make_part(1)], CREATE),
        ("CAROUSEL", [make_part(1), make_part(2, None, offset=0)], SEND),
        ("CAROUSEL", [make_part(1), make_part(2, "IN_PROGRESS")], CHECK),
        ("CAROUSEL", [make_part(1), make_part(2)], CREATE_PARENT),
        ("CAROUSEL", [make_part(1), make_part(2, is_over=True)], CHECK),
        ("CAROUSEL", [make_part(1), make_part(2), make_part(0, "IN_PROGRESS")], CHECK),
        ("CAROUSEL", [make_part(1), make_part(2), make_part(0)], PUBLISH),
        # the items are not needed any more once they are joined
        ("CAROUSEL", [make_part(1, is_over=True), make_part(2), make_part(0)], PUBLISH),
    ],
)
def test_the_course_of_a_post(kind, parts, step):
    assert find_next_step(make_publication(kind, parts)) == step


@pytest.mark.parametrize(
    ("fields", "step"),
    [
        ({"post_ids": ("179",)}, DETAILS),
        ({"post_ids": ("179",), "permalink": "https://www.instagram.com/p/x/"}, NO_STEP),
        ({}, FIND),
        ({"published_at": NOW - timedelta(hours=23)}, FIND),
        ({"published_at": NOW - timedelta(hours=24)}, NO_STEP),
        ({"post_ids": ("179",), "published_at": NOW - timedelta(hours=24)}, NO_STEP),
    ],
)
def test_a_public_post_is_described_or_looked_for(fields, step):
    publication = make_publication("REELS", [make_part(0)], phase=Phase.PUBLISHED, **fields)
    assert find_next_step(publication) == step


def test_a_doubtful_post_is_reconciled():
    publication = make_publication("REELS", [make_part(0)], is_unconfirmed=True, unsafe_at=NOW)
    assert find_next_step(publication) == RECONCILE_STEP


@pytest.mark.parametrize("phase", [Phase.FAILED, Phase.CANCELLED])
def test_an_ended_post_needs_nothing(phase):
    assert find_next_step(make_publication("REELS", phase=phase)) == NO_STEP
