import json
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from platforms.base import IGNORED
from platforms.errors import BadHandshake
from platforms.instagram import InstagramWebhooks
from platforms.secret import Secret

FILE = json.loads((Path(__file__).parents[1] / "vectors/meta_webhook.json").read_text())
NOW = datetime(2026, 11, 25, tzinfo=UTC)
ACCOUNT = "17841400000000001"
COMMENT = {"id": "17900000000000001", "text": "hello"}


def ear(*secrets, token=None):
    return InstagramWebhooks(tuple(map(Secret, secrets)), token and Secret(token))


def parsed(root):
    return ear("s").parse(json.dumps(root).encode())


def delivery(*changes, account=ACCOUNT, time=1763800000):
    return {
        "object": "instagram",
        "entry": [{"id": account, "time": time, "changes": list(changes)}],
    }


def comment(**value):
    return {"field": "comments", "value": {**COMMENT, **value}}


@pytest.mark.parametrize("vector", FILE["vectors"], ids=lambda vector: vector["id"])
def test_every_signature_vector_is_judged_as_written(vector):
    name, value = vector["header_name"], vector["header"]
    headers = {**vector["extra_headers"], **({} if value is None else {name: value})}
    heard = ear(vector["secret"], *vector["alt_secrets"])
    verdict = heard.verify(headers, b64decode(vector["raw_body_b64"]), now=NOW)
    assert (verdict.ok, verdict.reason) == (vector["expected"] == "valid", vector["reason"])


@pytest.mark.parametrize("vector", FILE["handshake_vectors"], ids=lambda vector: vector["id"])
def test_every_handshake_vector_is_answered_as_written(vector):
    query = dict(parse_qsl(vector["query_string"], keep_blank_values=True))
    heard = ear("s", token=vector["verify_token"])
    if vector["expected"] == "accept":
        assert heard.handshake(query) == vector["expected_body"]
    else:
        with pytest.raises(BadHandshake):
            heard.handshake(query)


def test_without_a_token_or_a_secret_it_says_so():
    assert not ear("").hears
    assert not ear("s").greets
    assert ear("s", token="t").hears
    assert ear("s", token="t").greets


def test_every_change_is_a_notice_of_its_own():
    one, other = parsed(delivery(comment(), comment(id="2")))
    assert (one.vendor_event, one.account, one.kind) == ("comments", ACCOUNT, IGNORED)
    assert one.payload == {"entry": {"id": ACCOUNT, "time": 1763800000}, "change": comment()}
    assert one.key != other.key


def test_a_thousand_changes_are_a_thousand_notices():
    notices = parsed(delivery(*(comment(id=str(number)) for number in range(1000))))
    assert len({notice.key for notice in notices}) == 1000


def test_the_time_of_sending_is_not_in_the_key_and_what_is_said_is():
    sent, again = parsed(delivery(comment())), parsed(delivery(comment(), time=1763899999))
    edited = parsed(delivery(comment(text="other")))
    assert sent[0].key == again[0].key
    assert sent[0].key.startswith(f"comments:{ACCOUNT}:{COMMENT['id']}:")
    assert sent[0].key != edited[0].key


@pytest.mark.parametrize(
    "root",
    [
        [delivery(comment())],
        {"object": "instagram", "entry": [{"id": ACCOUNT, "time": 1763800000, **comment()}]},
    ],
    ids=["in a list", "in the entry itself"],
)
def test_the_shapes_of_the_documentation_say_the_same(root):
    assert [each.key for each in parsed(root)] == [each.key for each in parsed(delivery(comment()))]


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
    (notice,) = parsed(delivery(change))
    assert notice.key.startswith(f"{change['field']}:{ACCOUNT}:{natural}:")


def test_names_without_values_and_messages_are_kept_too():
    entry = {
        "id": ACCOUNT,
        "changed_fields": ["comments"],
        "messaging": [{"message": {"mid": "m"}}],
    }
    named, message = parsed({"object": "instagram", "entry": [entry]})
    assert (named.vendor_event, named.payload["change"]["value"]) == ("comments", None)
    assert message.key.startswith(f"messages:{ACCOUNT}:m:")


@pytest.mark.parametrize(
    "root", [1, "x", None, [], {}, {"entry": 1}, {"entry": [1, {"changes": 7}]}, [[]]]
)
def test_what_holds_no_change_makes_no_notice(root):
    assert parsed(root) == []


def test_over_long_names_and_ids_fit_their_columns():
    (notice,) = parsed(delivery({"field": "f" * 300, "value": {}}, account="9" * 300))
    assert len(notice.key) <= 255
    assert len(notice.vendor_event) <= 100
    assert len(notice.account) <= 255


def test_a_stored_change_reads_back_as_it_was():
    (notice,) = parsed(delivery(comment()))
    assert ear("s").read(json.loads(json.dumps(notice.payload))) == notice


@pytest.mark.parametrize("payload", [{}, {"entry": {}}, {"entry": {}, "change": {"value": 1}}])
def test_a_payload_that_is_no_change_is_told(payload):
    with pytest.raises(ValueError, match="change"):
        ear("s").read(payload)
