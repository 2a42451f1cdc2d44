"""Deliveries judged by the vector file, and read by the vendor's table of events."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platforms.base import IGNORED, App, Phase
from platforms.errors import BadSignature
from platforms.secret import Secret
from platforms.tiktok.signature import read_header
from platforms.tiktok.webhooks import TikTokWebhooks

FILE = json.loads((Path(__file__).parents[1] / "vectors/tiktok_webhook.json").read_text())
KEY = "sbaw_sim_client_key"
A_POST = {"publish_id": "v_pub_file~v2-1.7"}
NOW = datetime.fromtimestamp(1_770_210_875, UTC)


def webhooks(*secrets, tolerance=300, compat=False):
    return TikTokWebhooks(
        App(
            client_key=KEY,
            client_secret=Secret("unused"),
            redirect_uri="",
            scopes=(),
            webhook_secrets=tuple(map(Secret, secrets)),
            bases={},
            webhook_tolerance=timedelta(seconds=tolerance),
            compat=compat,
        )
    )


def a_delivery(event="post.publish.complete", content=A_POST, **fields):
    body = {
        "client_key": KEY,
        "event": event,
        "create_time": 1_770_210_873,
        "user_openid": "-000SimOpenId",
        "content": json.dumps(content) if isinstance(content, dict) else content,
    }
    return json.dumps({**body, **fields}).encode()


def the_notice(*args, **fields):
    (notice,) = webhooks().parse(a_delivery(*args, **fields))
    return notice


@pytest.mark.parametrize("vector", FILE["vectors"], ids=lambda vector: vector["id"])
def test_the_verdict_is_that_of_the_vector(vector):
    headers = {} if vector["header"] is None else {vector["header_name"]: vector["header"]}
    verdict = webhooks(
        vector["secret"], *vector["alt_secrets"], tolerance=vector["tolerance_s"]
    ).verify(
        headers,
        base64.b64decode(vector["raw_body_b64"]),
        now=datetime.fromtimestamp(vector["now"], UTC),
    )
    assert (verdict.reason, verdict.ok) == (vector["reason"], vector["signature_ok"])
    assert verdict.late is (vector["signature_ok"] and vector["expected"] == "invalid")


@pytest.mark.parametrize("vector", FILE["parse_vectors"], ids=lambda vector: vector["id"])
def test_the_published_header_is_taken_apart(vector):
    signature = read_header(vector["header"])
    assert {"t": signature.t, "s": list(signature.digests)} == vector["expected_parse"]


@given(st.text(), st.binary())
def test_no_header_makes_the_judge_raise(text, body):
    verdict = webhooks("secret").verify({"TikTok-Signature": text}, body, now=NOW)
    assert not verdict.ok


@pytest.mark.parametrize("text", ["t=1,s=é", "t=1,s=\udcff", "t=" + "9" * 5000 + ",s=a", "t=²,s=a"])
def test_a_header_no_http_library_would_send_is_refused_calmly(text):
    assert not webhooks("secret").verify({"tiktok-signature": text}, b"{}", now=NOW).ok


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
def test_an_event_becomes_news_of_its_publication(event, content, kind, phase, status):
    notice = the_notice(f"post.publish.{event}", {"publish_id": "v~1", **content})
    assert (notice.kind, notice.vendor_event) == (kind, f"post.publish.{event}")
    assert (notice.publish_id, notice.account) == ("v~1", "-000SimOpenId")
    assert (notice.progress.phase, notice.progress.status) == (phase, status)
    assert notice.progress.reason == content.get("reason")
    assert notice.at == notice.progress.at == datetime(2026, 2, 4, 13, 14, 33, tzinfo=UTC)


@pytest.mark.parametrize("post_id", ["7602997517160123666", 7602997517160123666])
@pytest.mark.parametrize(
    ("event", "public"), [("publicly_available", True), ("no_longer_publicaly_available", False)]
)
def test_public_sight_comes_with_the_post_id_as_text(event, public, post_id):
    notice = the_notice(f"post.publish.{event}", {"publish_id": "v~1", "post_id": post_id})
    assert notice.kind == f"post.publish.{event}"
    assert notice.progress.post_ids == ("7602997517160123666",)
    assert notice.progress.public is public


def test_a_removed_grant_names_the_account_and_the_reason():
    notice = the_notice("authorization.removed", content='{"reason": 1 }')
    assert (notice.kind, notice.account) == ("authorization.removed", "-000SimOpenId")
    assert (notice.reason, notice.progress) == ("1", None)


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
def test_an_event_of_no_use_is_ignored_under_its_own_name(event):
    notice = the_notice(event)
    assert (notice.kind, notice.vendor_event, notice.progress) == (IGNORED, event, None)


@pytest.mark.parametrize("content", ["", "nonsense", "[]", "null", None, 5, "[" * 9000])
def test_news_that_names_no_publication_is_ignored(content):
    assert the_notice(content=content).kind == IGNORED


def test_a_test_event_may_lack_nearly_everything():
    (notice,) = webhooks().parse(b'{"event": "tiktok.ping"}')
    assert (notice.kind, notice.account, notice.at) == (IGNORED, None, None)


def test_a_redelivery_has_the_same_key_however_it_is_written():
    body = json.loads(a_delivery())
    again = json.dumps(dict(reversed(body.items())), indent=2).encode()
    assert webhooks().parse(again)[0].key == the_notice().key


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
    assert the_notice(**change).key != the_notice().key


def test_a_notice_reads_the_same_from_storage():
    notice = the_notice("post.publish.failed", {"publish_id": "v~1", "reason": "internal"})
    assert webhooks().read(json.loads(json.dumps(notice.payload))) == notice


@pytest.mark.parametrize("key", ["sbaw_other", 5, ["x"], {}])
def test_another_apps_delivery_is_refused_although_rightly_signed(key):
    with pytest.raises(BadSignature):
        webhooks().parse(a_delivery(client_key=key))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no JSON",
        b"[]",
        b"null",
        b"{}",
        b'{"event": ""}',
        b'{"event": 5}',
        b'{"event": "x", "create_time": NaN}',
        b'{"event": "x", "create_time": 1e999}',
        b"\xff\xfe\xfd",
        b'{"event": "x", "a": ' + b"[" * 100_000,
        b'{"event": "x", "a": ' + b"[" * 900 + b"]" * 900 + b"}",
    ],
)
def test_a_body_that_is_no_delivery_is_told_as_such(body):
    with pytest.raises(ValueError):
        webhooks().parse(body)


def test_what_a_json_column_cannot_hold_is_replaced():
    notice = the_notice(
        user_openid="a\0b", content='{"publish_id": "v\\u0000", "x": "\\ud800"}', extra="\ud83d"
    )
    assert notice.account == "a\N{REPLACEMENT CHARACTER}b"
    assert notice.publish_id == "v\N{REPLACEMENT CHARACTER}"
    json.dumps(notice.payload, ensure_ascii=False).encode()


def test_whole_emoji_survive():
    assert the_notice(extra="\N{GRINNING FACE}").payload["extra"] == "\N{GRINNING FACE}"


def test_values_longer_than_their_columns_are_kept_as_digests():
    notice = the_notice(
        "e" * 300, {"publish_id": "p" * 300, "reason": "r" * 300}, user_openid="u" * 300
    )
    assert len(notice.key) <= 255
    assert len(notice.vendor_event) <= 100
    assert len(notice.account) <= 255
    assert len(notice.publish_id) <= 255


@pytest.mark.parametrize("time", [None, "x", -(10**18), 10**30, True, 1.5, [], "9" * 5000])
def test_a_time_no_calendar_knows_is_no_time(time):
    assert the_notice(create_time=time).at is None


class TestCompatibilityMode:
    body = b'{"event_type": "video.publish.failed", "publish_id": "v~1", "fail_reason": "internal"}'

    def headers(self, body):
        return {"X-TikTok-Signature": hmac.new(b"secret", body, sha256).hexdigest()}

    def test_a_bare_digest_is_accepted_once_switched_on(self):
        side = webhooks("secret", compat=True)
        assert side.verify(self.headers(self.body), self.body, now=NOW).ok

    def test_a_bare_digest_is_not_looked_at_otherwise(self):
        verdict = webhooks("secret").verify(self.headers(self.body), self.body, now=NOW)
        assert verdict.reason == "missing_header"

    def test_a_bare_digest_does_not_help_a_wrong_signature(self):
        headers = {**self.headers(self.body), "TikTok-Signature": "t=1,s=0"}
        verdict = webhooks("secret", compat=True).verify(headers, self.body, now=NOW)
        assert verdict.reason == "bad_signature"

    def test_its_events_are_news(self):
        (notice,) = webhooks(compat=True).parse(self.body)
        assert (notice.key, notice.publish_id) == ("video.publish.failed:v~1", "v~1")
        assert (notice.progress.phase, notice.progress.reason) == (Phase.FAILED, "internal")

    def test_without_an_id_the_body_is_the_key(self):
        body = b'{"type": "something.else"}'
        (notice,) = webhooks(compat=True).parse(body)
        assert notice.kind == IGNORED
        assert notice.key == f"something.else:{sha256(body).hexdigest()}"

    @pytest.mark.parametrize("body", [b"{}", b'{"type": "video.publish.complete"}', b"no JSON"])
    def test_a_body_without_type_or_publication_is_refused(self, body):
        with pytest.raises(ValueError):
            webhooks(compat=True).parse(body)

    def test_the_real_format_is_still_understood(self):
        (notice,) = webhooks(compat=True).parse(a_delivery())
        assert notice.kind == "video.publish.complete"
