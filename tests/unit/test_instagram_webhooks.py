import json
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from platforms.base import IGNORED_KIND
from platforms.errors import BadHandshake
from platforms.instagram import InstagramWebhooks
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
def test_every_signature_vector_is_judged_as_written(vector):
    name, value = vector["header_name"], vector["header"]
    headers = {**vector["extra_headers"], **({} if value is None else {name: value})}
    heard = make_adapter(vector["secret"], *vector["alt_secrets"])
    verdict = heard.verify(headers, b64decode(vector["raw_body_b64"]), now=NOW)
    assert (verdict.ok, verdict.reason) == (vector["expected"] == "valid", vector["reason"])


@pytest.mark.parametrize(
    "vector", VECTOR_FILE["handshake_vectors"], ids=lambda vector: vector["id"]
)
def test_every_handshake_vector_is_answered_as_written(vector):
    query = dict(parse_qsl(vector["query_string"], keep_blank_values=True))
    heard = make_adapter("s", token=vector["verify_token"])
    if vector["expected"] == "accept":
        assert heard.handshake(query) == vector["expected_body"]
    else:
        with pytest.raises(BadHandshake):
            heard.handshake(query)


def test_without_a_token_or_a_secret_it_says_so():
    assert not make_adapter("").can_verify
    assert not make_adapter("s").has_handshake
    assert make_adapter("s", token="t").can_verify
    assert make_adapter("s", token="t").has_handshake


def test_every_change_is_an_event_of_its_own():
    one, other = parse_body(build_delivery(comment_change(), comment_change(id="2")))
    assert (one.vendor_event, one.external_id, one.kind) == ("comments", ACCOUNT_ID, IGNORED_KIND)
    assert one.payload == {
        "entry": {"id": ACCOUNT_ID, "time": 1763800000},
        "change": comment_change(),
    }
    assert one.key != other.key


def test_a_thousand_changes_are_a_thousand_events():
    notices = parse_body(
        build_delivery(*(comment_change(id=str(number)) for number in range(1000)))
    )
    assert len({notice.key for notice in notices}) == 1000


def test_the_time_of_sending_is_not_in_the_key_and_what_is_said_is():
    sent, again = (
        parse_body(build_delivery(comment_change())),
        parse_body(build_delivery(comment_change(), time=1763899999)),
    )
    edited = parse_body(build_delivery(comment_change(text="other")))
    assert sent[0].key == again[0].key
    assert sent[0].key.startswith(f"comments:{ACCOUNT_ID}:{COMMENT_VALUE['id']}:")
    assert sent[0].key != edited[0].key


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
def test_the_shapes_of_the_documentation_say_the_same(root):
    assert [each.key for each in parse_body(root)] == [
        each.key for each in parse_body(build_delivery(comment_change()))
    ]


@pytest.mark.parametrize(
    ("change", "natural"),
    [
        ({"field": "comments", "value": {"comment_id": "7"}}, "7"),
        ({"field": "live_comments", "value": {"id": "7"}}, "7"),
        ({"field": "mentions", "value": {"media_id": "1", "comment_id": "2"}}, "1:2"),
        ({"field": "mentions", "value": {"media_id": "1"}}, "1:"),
        ({"field": "story_insights", "value": {"media_id": "1", "reach": 44}}, "1"),
        ({"field": "follow", "value": {"x": 1}}, ""),
        ({"field": "comments", "value": None}, ""),
    ],
)
def test_each_field_has_its_natural_id(change, natural):
    (notice,) = parse_body(build_delivery(change))
    assert notice.key.startswith(f"{change['field']}:{ACCOUNT_ID}:{natural}:")


def test_names_without_values_and_messages_are_kept_too():
    entry = {
        "id": ACCOUNT_ID,
        "changed_fields": ["comments"],
        "messaging": [{"message": {"mid": "m"}}],
    }
    named, message = parse_body({"object": "instagram", "entry": [entry]})
    assert (named.vendor_event, named.payload["change"]["value"]) == ("comments", None)
    assert message.key.startswith(f"messages:{ACCOUNT_ID}:m:")


@pytest.mark.parametrize(
    "root", [1, "x", None, [], {}, {"entry": 1}, {"entry": [1, {"changes": 7}]}, [[]]]
)
def test_what_holds_no_change_makes_no_event(root):
    assert parse_body(root) == []


def test_over_long_names_and_ids_fit_their_columns():
    (notice,) = parse_body(build_delivery({"field": "f" * 300, "value": {}}, account="9" * 300))
    assert len(notice.key) <= 255
    assert len(notice.vendor_event) <= 100
    assert len(notice.external_id) <= 255


def test_a_stored_change_reads_back_as_it_was():
    (notice,) = parse_body(build_delivery(comment_change()))
    assert make_adapter("s").parse_stored(json.loads(json.dumps(notice.payload))) == notice


@pytest.mark.parametrize("payload", [{}, {"entry": {}}, {"entry": {}, "change": {"value": 1}}])
def test_a_payload_that_is_no_change_is_reported(payload):
    with pytest.raises(ValueError, match="change"):
        make_adapter("s").parse_stored(payload)
