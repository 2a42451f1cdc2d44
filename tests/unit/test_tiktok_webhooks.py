"""TikTok deliveries are parsed according to the vendor's table of events."""

import json
from datetime import UTC, datetime

import pytest

from platforms.base import IGNORED_KIND, Phase, PlatformApp
from platforms.errors import BadSignature
from platforms.secret import Secret
from platforms.tiktok.webhooks import TikTokWebhooks

CLIENT_KEY = "sbaw_sim_client_key"
POST_CONTENT = {"publish_id": "v_pub_file~v2-1.7"}


def make_adapter():
    return TikTokWebhooks(
        PlatformApp(
            client_key=CLIENT_KEY,
            client_secret=Secret("unused"),
            redirect_uri="",
            scopes=(),
            webhook_secrets=(),
            base_urls={},
        )
    )


def build_delivery(event="post.publish.complete", content=POST_CONTENT, **fields):
    body = {
        "client_key": CLIENT_KEY,
        "event": event,
        "create_time": 1_770_210_873,
        "user_openid": "-000SimOpenId",
        "content": json.dumps(content) if isinstance(content, dict) else content,
    }
    return json.dumps({**body, **fields}).encode()


def parse_event(*args, **fields):
    (parsed,) = make_adapter().parse(build_delivery(*args, **fields))
    return parsed


@pytest.mark.parametrize(
    ("event", "content", "kind", "phase", "status"),
    [
        ("complete", {}, "video.publish.complete", Phase.PUBLISHED, "PUBLISH_COMPLETE"),
        ("failed", {"reason": "internal"}, "video.publish.failed", Phase.FAILED, "FAILED"),
        (
            "failed",
            {"reason": "publish_cancelled"},
            "video.publish.failed",
            Phase.CANCELLED,
            "FAILED",
        ),
        ("inbox_delivered", {}, "video.inbox.received", Phase.DELIVERED, "SEND_TO_USER_INBOX"),
    ],
)
def test_an_event_becomes_progress_of_its_publication(event, content, kind, phase, status):
    parsed = parse_event(f"post.publish.{event}", {"publish_id": "v~1", **content})
    assert (parsed.kind, parsed.vendor_event) == (kind, f"post.publish.{event}")
    assert (parsed.publish_id, parsed.platform_user_id) == ("v~1", "-000SimOpenId")
    assert (parsed.progress.phase, parsed.progress.vendor_status) == (phase, status)
    assert parsed.progress.fail_reason == content.get("reason")
    assert (
        parsed.occurred_at
        == parsed.progress.occurred_at
        == datetime(2026, 2, 4, 13, 14, 33, tzinfo=UTC)
    )


@pytest.mark.parametrize("post_id", ["7602997517160123666", 7602997517160123666])
@pytest.mark.parametrize(
    ("event", "public"), [("publicly_available", True), ("no_longer_publicaly_available", False)]
)
def test_public_availability_comes_with_the_post_id_as_text(event, public, post_id):
    parsed = parse_event(f"post.publish.{event}", {"publish_id": "v~1", "post_id": post_id})
    assert parsed.kind == f"post.publish.{event}"
    assert parsed.progress.post_ids == ("7602997517160123666",)
    assert parsed.progress.is_public is public


def test_a_removed_grant_names_the_account_and_the_reason():
    parsed = parse_event("authorization.removed", content='{"reason": 1 }')
    assert (parsed.kind, parsed.platform_user_id) == ("authorization.removed", "-000SimOpenId")
    assert (parsed.removal_reason, parsed.progress) == ("removed_in_app", None)


@pytest.mark.parametrize("content", ['{"reason": 0}', '{"reason": 99}', "{}", "not JSON", None])
def test_a_removal_without_a_known_reason_is_parsed_as_removed(content):
    assert parse_event("authorization.removed", content=content).removal_reason == "removed"


@pytest.mark.parametrize(
    "event",
    [
        "tiktok.ping",
        "video.upload.failed",
        "video.publish.completed",
        "portability.download.ready",
        "post.publish.success",
        "video.publish.complete",
    ],
)
def test_an_event_without_effect_is_ignored_under_its_own_name(event):
    parsed = parse_event(event)
    assert (parsed.kind, parsed.vendor_event, parsed.progress) == (IGNORED_KIND, event, None)


@pytest.mark.parametrize("content", ["", "nonsense", "[]", "null", None, 5, "[" * 9000])
def test_an_event_that_names_no_publication_is_ignored(content):
    assert parse_event(content=content).kind == IGNORED_KIND


@pytest.mark.parametrize(
    "encode", [json.dumps, lambda value: json.dumps(json.dumps(value)), lambda value: [value]]
)
def test_the_content_may_be_encoded_once_more(encode):
    parsed = parse_event(content=encode(POST_CONTENT), create_time="1770210873")
    assert (parsed.publish_id, parsed.occurred_at.year) == (POST_CONTENT["publish_id"], 2026)


@pytest.mark.parametrize("name", ["publicaly_available", "publicly_available"])
@pytest.mark.parametrize("post_id", [["7"], 7, "7", [7]])
def test_availability_is_recognised_in_both_spellings(name, post_id):
    content = {"publish_id": "v~1", "post_id": post_id}
    available = parse_event(f"post.publish.{name}", content)
    withdrawn = parse_event(f"post.publish.no_longer_{name}", content)
    assert (available.kind, withdrawn.kind) == (
        "post.publish.publicly_available",
        "post.publish.no_longer_publicaly_available",
    )
    assert available.progress.post_ids == withdrawn.progress.post_ids == ("7",)


def test_a_test_event_may_lack_nearly_everything():
    (parsed,) = make_adapter().parse(b'{"event": "tiktok.ping"}')
    assert (parsed.kind, parsed.platform_user_id, parsed.occurred_at) == (IGNORED_KIND, None, None)


def test_a_redelivery_has_the_same_key_however_it_is_written():
    body = json.loads(build_delivery())
    redelivery = json.dumps(dict(reversed(body.items())), indent=2).encode()
    assert make_adapter().parse(redelivery)[0].key == parse_event().key


@pytest.mark.parametrize(
    "change",
    [
        {"event": "post.publish.failed"},
        {"create_time": 1_770_210_874},
        {"user_openid": "other"},
        {"content": {"publish_id": "other"}},
    ],
)
def test_another_event_has_another_key(change):
    assert parse_event(**change).key != parse_event().key


def test_an_event_is_the_same_when_it_is_parsed_from_storage():
    parsed = parse_event("post.publish.failed", {"publish_id": "v~1", "reason": "internal"})
    assert make_adapter().parse_stored(json.loads(json.dumps(parsed.payload))) == parsed


def test_a_delivery_may_be_a_list_of_events():
    first, second = (json.loads(build_delivery(content={"publish_id": name})) for name in "ab")
    for body in ([first, second], json.dumps([first, json.dumps(second)])):
        events = make_adapter().parse(json.dumps(body).encode())
        assert [event.publish_id for event in events] == ["a", "b"]
        assert events[0] == make_adapter().parse(json.dumps(first).encode())[0]


@pytest.mark.parametrize("body", ["[7, {}]", "[[], 7]", "[]"])
def test_a_list_without_any_event_is_unreadable_as_a_whole(body):
    with pytest.raises(ValueError, match=r"event|JSON object"):
        make_adapter().parse(body.encode())


@pytest.mark.parametrize("key", ["sbaw_other", 5, ["x"], {}])
def test_a_correctly_signed_delivery_of_another_app_is_refused(key):
    with pytest.raises(BadSignature):
        make_adapter().parse(build_delivery(client_key=key))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not JSON",
        b"[]",
        b"null",
        b"{}",
        b'{"event": ""}',
        b'{"event": 5}',
        b"\xff\xfe\xfd",
        b'{"event": "x", "a": ' + b"[" * 100_000,
        b'{"event": "x", "a": ' + b"[" * 900 + b"]" * 900 + b"}",
    ],
)
def test_a_body_that_is_no_delivery_is_reported_as_unreadable(body):
    with pytest.raises(ValueError):
        make_adapter().parse(body)


@pytest.mark.parametrize(
    "field",
    [b"NaN", b"-Infinity", b"1e999", b"9" * 5000, b'"\xff\xfe"', b"null", b"[]", b'"\\ud800"'],
    ids=range(8),
)
def test_one_odd_field_does_not_cost_the_event_beside_it(field):
    [event] = make_adapter().parse(
        b'{"event": "authorization.removed", "user_openid": "u", "x": ' + field + b"}"
    )
    assert (event.kind, event.platform_user_id) == ("authorization.removed", "u")
    json.dumps(event.payload, allow_nan=False).encode()


@pytest.mark.parametrize("item", [b"5", b"null", b'"x"', b"[]", b"{}", b'{"event": 7}', b"[[1]]"])
def test_an_unreadable_item_of_a_list_is_kept_beside_the_events_that_can_be_read(item):
    events = make_adapter().parse(b'[{"event": "authorization.removed"}, ' + item + b"]")
    assert [event.vendor_event for event in events] == ["authorization.removed", "unreadable"]
    assert (events[1].kind, events[1].payload) == ("ignored", {"raw": json.loads(item)})


@pytest.mark.parametrize("name", ["AUTHORIZATION.REMOVED", " authorization.removed\n"])
def test_an_event_is_known_in_any_case(name):
    parsed = parse_event(name, {"reason": 1})
    assert (parsed.kind, parsed.removal_reason) == ("authorization.removed", "removed_in_app")


def test_characters_that_a_json_column_cannot_hold_are_replaced():
    parsed = parse_event(
        user_openid="a\0b", content='{"publish_id": "v\\u0000", "x": "\\ud800"}', extra="\ud83d"
    )
    assert parsed.platform_user_id == "a\N{REPLACEMENT CHARACTER}b"
    assert parsed.publish_id == "v\N{REPLACEMENT CHARACTER}"
    json.dumps(parsed.payload, ensure_ascii=False).encode()


def test_whole_emoji_survive():
    assert parse_event(extra="\N{GRINNING FACE}").payload["extra"] == "\N{GRINNING FACE}"


def test_values_longer_than_their_columns_are_stored_as_digests():
    parsed = parse_event(
        "e" * 300, {"publish_id": "p" * 300, "reason": "r" * 300}, user_openid="u" * 300
    )
    assert len(parsed.key) <= 255
    assert len(parsed.vendor_event) <= 100
    assert len(parsed.platform_user_id) <= 255
    assert len(parsed.publish_id) <= 255


@pytest.mark.parametrize("time", [None, "x", -(10**18), 10**30, True, 0.5, [], "9" * 5000])
def test_an_invalid_time_is_parsed_as_none(time):
    assert parse_event(create_time=time).occurred_at is None
