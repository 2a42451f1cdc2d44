"""Instagram deliveries are verified and parsed; the handshake is answered."""

import json
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platforms.errors import BadHandshake
from platforms.instagram.events import COMMENT_KIND
from platforms.instagram.webhooks import InstagramWebhooks
from platforms.secret import Secret

VECTOR_FILE = json.loads((Path(__file__).parents[1] / "vectors/meta_webhook.json").read_text())
NOW = datetime(2026, 11, 25, tzinfo=UTC)
ACCOUNT_ID = "17841400000000001"
COMMENT_VALUE = {"id": "17900000000000001", "text": "hello"}


def make_adapter(*secrets, token=None):
    return InstagramWebhooks(tuple(map(Secret, secrets)), token and Secret(token))


def parse_body(root):
    return make_adapter("s").parse(json.dumps(root).encode())


def build_delivery(*changes, account=ACCOUNT_ID, time=1763800000):
    return {
        "object": "instagram",
        "entry": [{"id": account, "time": time, "changes": list(changes)}],
    }


def comment_change(**value):
    return {"field": "comments", "value": {**COMMENT_VALUE, **value}}


@pytest.mark.parametrize("vector", VECTOR_FILE["vectors"], ids=lambda vector: vector["id"])
def test_every_signature_vector_gets_its_verdict(vector):
    name, value = vector["header_name"], vector["header"]
    headers = {**vector["extra_headers"], **({} if value is None else {name: value})}
    adapter = make_adapter(vector["secret"], *vector["alt_secrets"])
    verdict = adapter.verify(headers, b64decode(vector["raw_body_b64"]), now=NOW)
    assert (verdict.ok, verdict.reason) == (vector["expected"] == "valid", vector["reason"])


def test_entries_and_changes_in_a_list_of_lists_are_read_one_by_one():
    first, second = comment_change(), comment_change(id="17900000000000002")
    delivery = build_delivery([first, second])
    assert [event.kind for event in parse_body(delivery)] == [COMMENT_KIND] * 2
    entries = [*delivery["entry"], *build_delivery(first, account="7")["entry"]]
    events = parse_body({"object": "instagram", "entry": [entries]})
    assert [event.platform_user_id for event in events] == [ACCOUNT_ID, ACCOUNT_ID, "7"]


@pytest.mark.parametrize("number", [b"17841400000000001.0", b"17841400000000001"])
def test_an_account_that_is_a_number_is_named_by_all_its_digits(number):
    body = json.dumps(build_delivery(comment_change(), account="#")).encode()
    [event] = make_adapter("s").parse(body.replace(b'"#"', number))
    assert event.platform_user_id == ACCOUNT_ID


@pytest.mark.parametrize("text", [b"NaN", b"1e999", b'"\xff"', b"9" * 5000], ids=range(4))
def test_one_odd_value_does_not_cost_the_other_changes_of_a_delivery(text):
    other = {"field": "comments", "value": {"id": "1", "like_count": "#"}}
    body = json.dumps(build_delivery(other, comment_change())).encode()
    events = make_adapter("s").parse(body.replace(b'"#"', text))
    assert [event.comment.id for event in events] == ["1", "17900000000000001"]


@pytest.mark.parametrize(
    "vector", VECTOR_FILE["handshake_vectors"], ids=lambda vector: vector["id"]
)
def test_every_handshake_vector_gets_its_answer(vector):
    query = dict(parse_qsl(vector["query_string"], keep_blank_values=True))
    adapter = make_adapter("s", token=vector["verify_token"])
    if vector["expected"] == "accept":
        assert adapter.handshake(query) == vector["expected_body"]
    else:
        with pytest.raises(BadHandshake):
            adapter.handshake(query)


def test_the_adapter_reports_a_missing_token_or_secret():
    assert not make_adapter("").can_verify
    assert not make_adapter("s").has_handshake
    assert make_adapter("s", token="t").can_verify
    assert make_adapter("s", token="t").has_handshake


def test_every_change_is_its_own_event():
    first, second = parse_body(build_delivery(comment_change(), comment_change(id="2")))
    assert (first.vendor_event, first.platform_user_id) == ("comments", ACCOUNT_ID)
    assert first.kind == COMMENT_KIND
    assert first.payload == {
        "entry": {"id": ACCOUNT_ID, "time": 1763800000},
        "change": comment_change(),
    }
    assert first.key != second.key


def test_a_thousand_changes_are_a_thousand_events():
    events = parse_body(build_delivery(*(comment_change(id=str(number)) for number in range(1000))))
    assert len({event.key for event in events}) == 1000


def test_the_key_depends_on_the_content_and_not_on_the_time_of_sending():
    (original,) = parse_body(build_delivery(comment_change()))
    (redelivered,) = parse_body(build_delivery(comment_change(), time=1763899999))
    (edited,) = parse_body(build_delivery(comment_change(text="other")))
    assert original.key == redelivered.key
    assert original.key.startswith(f"comments:{ACCOUNT_ID}:{COMMENT_VALUE['id']}:")
    assert original.key != edited.key


@pytest.mark.parametrize(
    "root",
    [
        [build_delivery(comment_change())],
        {
            "object": "instagram",
            "entry": [{"id": ACCOUNT_ID, "time": 1763800000, **comment_change()}],
        },
    ],
    ids=["in a list", "in the entry itself"],
)
def test_all_documented_forms_give_the_same_events(root):
    (event,) = parse_body(root)
    (expected,) = parse_body(build_delivery(comment_change()))
    assert event.key == expected.key


@pytest.mark.parametrize(
    ("change", "natural_key"),
    [
        ({"field": "comments", "value": {"comment_id": "7"}}, "7"),
        ({"field": "live_comments", "value": {"id": "7"}}, "7"),
        ({"field": "mentions", "value": {"media_id": "1", "comment_id": "2"}}, "1:2"),
        ({"field": "mentions", "value": {"media_id": "1"}}, "1:"),
        ({"field": "story_insights", "value": {"media_id": "1", "reach": 44}}, "1"),
        ({"field": "follow", "value": {"x": 1}}, ""),
        ({"field": "comments", "value": []}, ""),
        ({"field": "comments", "value": None}, "1763800000"),
    ],
)
def test_each_field_has_its_natural_key(change, natural_key):
    (event,) = parse_body(build_delivery(change))
    assert event.key.startswith(f"{change['field']}:{ACCOUNT_ID}:{natural_key}:")


def test_names_without_values_and_messages_are_kept_too():
    entry = {
        "id": ACCOUNT_ID,
        "changed_fields": ["comments"],
        "messaging": [{"message": {"mid": "m"}}],
    }
    name_only, message = parse_body({"object": "instagram", "entry": [entry]})
    assert (name_only.vendor_event, name_only.payload["change"]["value"]) == ("comments", None)
    assert message.key.startswith(f"messages:{ACCOUNT_ID}:m:")


@pytest.mark.parametrize("root", [1, "x", None, [], {}, {"entry": []}, {"entry": None}, [[]]])
def test_a_body_without_entries_has_no_events(root):
    assert parse_body(root) == []


def test_a_standby_entry_beside_a_comment_is_kept_too():
    """Deliveries whose thread another app has control of come as `standby`."""
    entries = [
        {"id": "1789", "time": 1, "changes": [{"field": "comments", "value": COMMENT_VALUE}]},
        {
            "id": "1789",
            "time": 1,
            "standby": [{"sender": {"id": "55"}, "message": {"mid": "m1", "text": "hello"}}],
        },
    ]
    comment, standby = parse_body({"object": "instagram", "entry": entries})
    assert (comment.vendor_event, standby.vendor_event) == ("comments", "standby")
    assert (standby.kind, standby.platform_user_id) == ("message.standby", "1789")
    assert standby.key.startswith("standby:1789:m1:")
    assert make_adapter("s").parse_stored(json.loads(json.dumps(standby.payload))) == standby


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ({"handover": [{"x": 1}]}, "handover"),
        ({"messaging": {"message": {"mid": "m"}}}, "messages"),
        ({"standby": {"message": {"mid": "m"}}}, "standby"),
        ({"changes": {"field": "comments", "value": {}}}, "comments"),
        ({"changes": json.dumps([{"field": "comments", "value": {}}])}, "comments"),
        ({"changed_fields": "comments"}, "comments"),
        ({"changes": [{"value": 1}]}, "unknown"),
        ({"changes": [7]}, "unknown"),
        ({"changes": []}, "unknown"),
        ({"standby": []}, "unknown"),
        ({"consent": {"granted": True}}, "consent"),
        ({"x": 1}, "unknown"),
        ({}, "unknown"),
        (1, "unknown"),
        (None, "unknown"),
        ([], "unknown"),
        ("text", "unknown"),
    ],
)
def test_every_entry_leaves_an_event_with_a_key_of_its_own(entry, name):
    known = {"id": ACCOUNT_ID, "changes": [comment_change()]}
    comment, event = parse_body({"object": "instagram", "entry": [known, entry]})
    assert (comment.vendor_event, event.vendor_event) == ("comments", name)
    assert comment.key != event.key
    assert make_adapter("s").parse_stored(json.loads(json.dumps(event.payload))) == event


def test_a_single_entry_may_come_without_a_list_and_what_has_no_entries_is_kept_beside_others():
    delivery = build_delivery(comment_change())
    (event,) = parse_body({**delivery, "entry": delivery["entry"][0]})
    assert event.vendor_event == "comments"
    names = [event.vendor_event for event in parse_body([delivery, 1, {"object": "page"}])]
    assert names == ["comments", "unknown", "unknown"]


@given(
    entries=st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers(0, 99) | st.text(max_size=5),
            lambda items: (
                st.lists(items, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["id", "time", "changes", "field", "value", "messaging", "x"]),
                    items,
                    max_size=4,
                )
            ),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_no_entry_of_any_form_is_lost(entries):
    marked = [{"id": f"entry{number}", "e": [entry]} for number, entry in enumerate(entries)]
    events = parse_body({"object": "instagram", "entry": marked})
    assert {event.platform_user_id for event in events} == {entry["id"] for entry in marked}
    assert len(parse_body({"object": "instagram", "entry": entries})) >= len(entries)


def test_over_long_names_and_ids_fit_their_columns():
    (event,) = parse_body(build_delivery({"field": "f" * 300, "value": {}}, account="9" * 300))
    assert len(event.key) <= 255
    assert len(event.vendor_event) <= 100
    assert len(event.platform_user_id) <= 255


def test_an_event_is_the_same_when_it_is_parsed_from_storage():
    (event,) = parse_body(build_delivery(comment_change()))
    assert make_adapter("s").parse_stored(json.loads(json.dumps(event.payload))) == event


@pytest.mark.parametrize("payload", [{}, {"entry": {}}, {"entry": {}, "change": {"value": 1}}])
def test_a_stored_payload_without_a_change_is_refused(payload):
    with pytest.raises(ValueError, match="change"):
        make_adapter("s").parse_stored(payload)
