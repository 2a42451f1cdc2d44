"""What the parser found is stored as JSON and read back unchanged."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from platforms.base import ParsedEvent, Phase, PublishProgress
from platforms.comments import PlatformComment

OCCURRED_AT = datetime(2026, 2, 4, 13, 14, 33, 250, tzinfo=UTC)
EVENT = ParsedEvent(
    key="post.publish.complete:0123",
    kind="video.publish.complete",
    vendor_event="post.publish.complete",
    payload={"event": "post.publish.complete"},
    platform_user_id="open-1",
    publish_id="v_pub~1",
)
PROGRESS = PublishProgress(Phase.PUBLISHED, "PUBLISH_COMPLETE")

times = st.none() | st.datetimes(timezones=st.just(UTC))
texts = st.none() | st.text(min_size=1)
progresses = st.builds(
    PublishProgress,
    phase=st.sampled_from(Phase),
    vendor_status=st.text(),
    fail_reason=texts,
    post_ids=st.lists(st.text()).map(tuple),
    bytes_done=st.none() | st.integers(min_value=0),
    is_public=st.none() | st.booleans(),
    log_id=texts,
)
comments = st.builds(
    PlatformComment,
    id=st.text(min_size=1),
    post_id=texts,
    parent_id=texts,
    author_id=texts,
    author_name=texts,
    text=texts,
    written_at=times,
    is_hidden=st.none() | st.booleans(),
    like_count=st.none() | st.integers(min_value=0),
    is_own=st.none() | st.booleans(),
)
threads = st.builds(replace, comments, replies=st.lists(comments, max_size=2).map(tuple))
counts = st.dictionaries(st.text(), st.integers(min_value=0))


def read_back(event):
    stored = json.loads(json.dumps(event.to_stored()))
    return ParsedEvent.from_stored(
        stored,
        key=event.key,
        kind=event.kind,
        vendor_event=event.vendor_event,
        payload=event.payload,
        platform_user_id=event.platform_user_id,
        publish_id=event.publish_id,
    )


@given(
    occurred_at=times,
    progress=st.none() | progresses,
    others=st.fixed_dictionaries(
        {
            "removal_reason": texts,
            "item_id": texts,
            "comment": st.none() | threads,
            "counts": st.none() | counts,
        }
    ),
)
def test_a_stored_event_reads_back_as_it_was_parsed(occurred_at, progress, others):
    event = msgspec.structs.replace(
        EVENT,
        occurred_at=occurred_at,
        progress=progress and msgspec.structs.replace(progress, occurred_at=occurred_at),
        **others,
    )
    assert read_back(event) == event


def test_only_what_is_set_is_stored():
    assert EVENT.to_stored() == {}
    event = msgspec.structs.replace(EVENT, occurred_at=OCCURRED_AT, progress=PROGRESS)
    assert event.to_stored() == {
        "occurred_at": "2026-02-04T13:14:33.000250+00:00",
        "progress": {"phase": "PUBLISHED", "vendor_status": "PUBLISH_COMPLETE"},
    }


@pytest.mark.parametrize(
    "stored",
    [
        {"progress": {"phase": "UNKNOWN", "vendor_status": "x"}},
        {"progress": {"phase": "PUBLISHED"}},
        {"occurred_at": "yesterday"},
        {"comment": {"text": "without an id"}},
        {"comment": "a text"},
    ],
)
def test_what_another_version_wrote_differently_is_refused(stored):
    with pytest.raises((KeyError, ValueError)):
        ParsedEvent.from_stored(
            stored,
            key="k",
            kind="x",
            vendor_event="x",
            payload={},
            platform_user_id=None,
            publish_id=None,
        )
