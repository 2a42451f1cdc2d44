"""What Instagram's webhook events say: comments, mentions, metrics of stories, messages."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from platforms.base import IGNORED_KIND, ParsedEvent
from platforms.comments import PlatformComment
from platforms.errors import BadSignature
from platforms.instagram.callbacks import InstagramCallbacks
from platforms.instagram.events import EVENT_EFFECTS
from platforms.instagram.webhooks import InstagramWebhooks
from platforms.platform import Effect
from platforms.secret import Secret

ACCOUNT_ID = "17841400000000001"
SENT_AT = datetime(2025, 11, 22, 8, 26, 40, tzinfo=UTC)
SENDER = {"id": "55"}
COMMENT = {
    "id": "17900000000000001",
    "from": {"id": "1234567890123456", "username": "ada"},
    "media": {"id": "18000000000000001", "media_product_type": "FEED"},
    "parent_id": "17900000000000000",
    "text": "café 😀",
}


def parse_changes(*changes, account=ACCOUNT_ID, sent=1763800000):
    entry = {"id": account, "time": sent, "changes": list(changes)}
    body = json.dumps({"object": "instagram", "entry": [entry]}).encode()
    return InstagramWebhooks((Secret("s"),)).parse(body)


def parse_value(field, value, **entry):
    (event,) = parse_changes({"field": field, "value": value}, **entry)
    return event


def parse_message(**content):
    message = {"sender": SENDER, "recipient": {"id": ACCOUNT_ID}, "timestamp": 1763800000123}
    entry = {"id": ACCOUNT_ID, "time": 1763800000999, "messaging": [{**message, **content}]}
    body = json.dumps({"object": "instagram", "entry": [entry]}).encode()
    (event,) = InstagramWebhooks((Secret("s"),)).parse(body)
    return event


@pytest.mark.parametrize(
    ("field", "kind"),
    [("comments", "comment.received"), ("live_comments", "comment.received_live")],
)
def test_a_comment_is_read_with_its_author_media_and_parent(field, kind):
    event = parse_value(field, COMMENT)
    assert (event.kind, event.vendor_event, event.item_id) == (kind, field, "18000000000000001")
    assert event.occurred_at == SENT_AT
    assert event.comment == PlatformComment(
        id="17900000000000001",
        post_id="18000000000000001",
        parent_id="17900000000000000",
        author_id="1234567890123456",
        author_name="ada",
        text="café 😀",
        is_own=False,
    )


@pytest.mark.parametrize(
    ("author", "is_own"),
    [
        ({"id": ACCOUNT_ID}, True),
        ({"id": "77", "self_ig_scoped_id": "77"}, None),
        ({"id": "77", "self_ig_scoped_id": "78"}, False),
        ({"username": "ada"}, None),
        (None, None),
    ],
)
def test_our_own_comments_are_recognised(author, is_own):
    assert parse_value("comments", {**COMMENT, "from": author}).comment.is_own is is_own


def test_a_comment_in_odd_shapes_is_read_as_far_as_it_can_be():
    value = {"comment_id": 17900000000000001, "media": json.dumps({"id": 18}), "text": 7}
    comment = parse_value("comments", value).comment
    assert (comment.id, comment.post_id, comment.text) == ("17900000000000001", "18", "7")
    assert parse_value("comments", {**COMMENT, "hidden": "true"}).comment.is_hidden is True


@pytest.mark.parametrize(
    ("value", "item_id", "comment"),
    [
        ({"media_id": "1", "comment_id": "2"}, "1", PlatformComment("2", "1")),
        ({"comment_id": "2"}, None, PlatformComment("2")),
        ({"media_id": "1"}, "1", None),
    ],
)
def test_a_mention_has_the_ids_of_where_it_is(value, item_id, comment):
    event = parse_value("mentions", value)
    assert (event.kind, event.item_id, event.comment) == ("mention.received", item_id, comment)


def test_metrics_of_an_ended_story_keep_the_names_that_meta_sends_and_what_is_absent_stays_absent():
    value = {"media_id": "9", "impressions": 444, "reach": "44", "replies": 0, "exits": None}
    event = parse_value("story_insights", value)
    assert (event.kind, event.item_id) == ("story.metrics", "9")
    assert event.counts == {"impressions": 444, "reach": 44, "replies": 0}


def test_a_name_without_a_value_makes_the_media_be_fetched_again_each_time():
    first = parse_value("comments", None)
    later = parse_value("comments", None, sent=1763800500)
    assert (first.kind, later.kind) == ("media.changed", "media.changed")
    assert first.key != later.key
    assert parse_value("media", {"media_id": "3"}).item_id == "3"


@pytest.mark.parametrize(
    ("field", "value", "account"),
    [
        ("comments", COMMENT, "0"),  # the dashboard's test delivery
        ("comments", COMMENT, None),
        ("comments", {"text": "no id"}, ACCOUNT_ID),
        ("mentions", {}, ACCOUNT_ID),
        ("mentions", None, ACCOUNT_ID),
        ("story_insights", {"reach": 1}, ACCOUNT_ID),
        ("follow", {"x": 1}, ACCOUNT_ID),
        ("feed", {"item": "comment", "comment_id": "1"}, "1789"),  # of a Facebook Page
    ],
)
def test_what_has_no_effect_is_kept_as_ignored(field, value, account):
    event = parse_value(field, value, account=account)
    assert (event.kind, event.comment, event.item_id) == (IGNORED_KIND, None, None)
    assert event.payload["change"] == {"field": field, "value": value}


@pytest.mark.parametrize(
    ("content", "field", "kind", "natural_key"),
    [
        ({"message": {"mid": "m", "text": "hi"}}, "messages", "message.received", "m"),
        ({"message": {"mid": "m", "is_echo": True}}, "messages", "message.received", "m:is_echo"),
        (
            {"message": {"mid": "m", "is_deleted": "true"}},
            "messages",
            "message.received",
            "m:is_deleted",
        ),
        (
            {"message_edit": {"mid": "m", "num_edit": 2}},
            "message_edit",
            "message.edited",
            "m:2",
        ),
        (
            {"reaction": {"mid": "m", "action": "react"}},
            "message_reactions",
            "message.reaction",
            "m:55:react:1763800000123",
        ),
        ({"read": {"mid": "m"}}, "messaging_seen", "message.seen", "m:read"),
        ({"postback": {"mid": "m"}}, "messaging_postbacks", "message.postback", "m"),
        (
            {"referral": {"ref": "x"}},
            "messaging_referral",
            "message.referral",
            "55:1763800000123",
        ),
        ({"something": {}}, "messages", "message.received", ""),
    ],
)
def test_each_kind_of_message_has_its_own_field_and_key(content, field, kind, natural_key):
    event = parse_message(**content)
    assert (event.vendor_event, event.kind) == (field, kind)
    assert event.key.startswith(f"{field}:{ACCOUNT_ID}:{natural_key}:")
    assert event.occurred_at == datetime(2025, 11, 22, 8, 26, 40, tzinfo=UTC)
    assert EVENT_EFFECTS[kind] is Effect.STORED


def test_a_reaction_and_a_read_of_one_message_are_two_events():
    """Negative control: under one field with the id of the message alone they differed only
    in their content."""
    keys = {
        parse_message(**content).key.rpartition(":")[0]
        for content in (
            {"message": {"mid": "m"}},
            {"reaction": {"mid": "m", "action": "react"}},
            {"reaction": {"mid": "m", "action": "unreact"}},
            {"read": {"mid": "m"}},
        )
    }
    assert len(keys) == 4


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("comments", COMMENT),
        ("mentions", {"media_id": "1", "comment_id": "2"}),
        ("story_insights", {"media_id": "9", "reach": 44}),
        ("media", {"id": "3"}),
        ("comments", None),
        ("messages", {"sender": SENDER, "timestamp": 1763800000123, "message": {"mid": "m"}}),
    ],
)
def test_every_event_reads_back_from_its_payload_and_from_its_stored_form(field, value):
    event = parse_value(field, value)
    payload, stored = json.loads(json.dumps([event.payload, event.to_stored()]))
    assert InstagramWebhooks((Secret("s"),)).parse_stored(payload) == event
    read_back = ParsedEvent.from_stored(
        stored,
        key=event.key,
        kind=event.kind,
        vendor_event=event.vendor_event,
        payload=event.payload,
        platform_user_id=event.platform_user_id,
        publish_id=None,
    )
    assert read_back == event


@pytest.mark.parametrize("sent", [None, "soon", -1, 0, 10**30, [], True])
def test_a_time_that_cannot_be_read_is_not_said(sent):
    assert parse_value("comments", COMMENT, sent=sent).occurred_at is None


def test_a_thousand_changes_are_parsed_in_a_small_part_of_a_second():
    changes = [
        {"field": "comments", "value": {**COMMENT, "id": str(number)}} for number in range(1000)
    ]
    durations = []
    for _ in range(3):
        started = time.thread_time()
        assert len(parse_changes(*changes)) == 1000
        durations.append(time.thread_time() - started)
    assert min(durations) < 0.15  # seconds of this thread; measured: 0.015


VECTORS = json.loads((Path(__file__).parents[1] / "vectors/meta_signed_request.json").read_text())


def parse_callback(parameter, *secrets):
    callbacks = InstagramCallbacks(tuple(map(Secret, secrets)))
    return callbacks.parse_callback({} if parameter is None else {"signed_request": parameter})


def test_a_callback_names_the_person_and_when_it_was_made():
    own = next(vector for vector in VECTORS["vectors"] if vector["secret"] == "test_app_secret")
    subject = parse_callback(own["parameter"], "other", own["secret"])
    assert subject.person_id == "17841400000000001"
    assert subject.issued_at == datetime(2025, 11, 22, 8, 26, 40, tzinfo=UTC)
    with pytest.raises(BadSignature):
        parse_callback(own["parameter"], "other")
    with pytest.raises(BadSignature):
        parse_callback(own["parameter"])


@pytest.mark.parametrize("parameter", [None, "", "no-dot", "a.b", "." * 9])
def test_a_form_that_is_no_callback_is_refused(parameter):
    with pytest.raises(ValueError, match="signed_request"):
        parse_callback(parameter, "secret")


def test_an_erasure_is_answered_as_meta_wants_it():
    callbacks = InstagramWebhooks((), None, (Secret("s"),)).callbacks
    answer = callbacks.build_deletion_answer(status_url="https://example.com/d/abc", code="abc")
    assert answer == {"url": "https://example.com/d/abc", "confirmation_code": "abc"}
    assert InstagramWebhooks((), None, (Secret(""),)).callbacks is None
