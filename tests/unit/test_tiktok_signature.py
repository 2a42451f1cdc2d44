"""Signatures of deliveries: the cases of the vector file, and the legacy format."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platforms.base import IGNORED_KIND, Phase, PlatformApp
from platforms.secret import Secret
from platforms.tiktok.signature import parse_header
from platforms.tiktok.webhooks import TikTokWebhooks

VECTOR_FILE = json.loads((Path(__file__).parents[1] / "vectors/tiktok_webhook.json").read_text())
CLIENT_KEY = "sbaw_sim_client_key"
NOW = datetime.fromtimestamp(1_770_210_875, UTC)


def make_adapter(*secrets, tolerance=300, compat=False):
    return TikTokWebhooks(
        PlatformApp(
            client_key=CLIENT_KEY,
            client_secret=Secret("unused"),
            redirect_uri="",
            scopes=(),
            webhook_secrets=tuple(map(Secret, secrets)),
            base_urls={},
            webhook_tolerance=timedelta(seconds=tolerance),
            legacy_webhooks=compat,
        )
    )


@pytest.mark.parametrize("vector", VECTOR_FILE["vectors"], ids=lambda vector: vector["id"])
def test_the_verdict_is_that_of_the_vector(vector):
    headers = {} if vector["header"] is None else {vector["header_name"]: vector["header"]}
    verdict = make_adapter(
        vector["secret"], *vector["alt_secrets"], tolerance=vector["tolerance_s"]
    ).verify(
        headers,
        base64.b64decode(vector["raw_body_b64"]),
        now=datetime.fromtimestamp(vector["now"], UTC),
    )
    assert (verdict.reason, verdict.ok) == (vector["reason"], vector["signature_ok"])
    assert verdict.is_late is (vector["signature_ok"] and vector["expected"] == "invalid")


@pytest.mark.parametrize("vector", VECTOR_FILE["parse_vectors"], ids=lambda vector: vector["id"])
def test_a_header_is_parsed_as_the_vector_says(vector):
    signature = parse_header(vector["header"])
    assert {"t": signature.timestamp, "s": list(signature.digests)} == vector["expected_parse"]


@given(st.text(), st.binary())
def test_no_header_makes_verification_raise(text, body):
    verdict = make_adapter("secret").verify({"TikTok-Signature": text}, body, now=NOW)
    assert not verdict.ok


@pytest.mark.parametrize("text", ["t=1,s=é", "t=1,s=\udcff", "t=" + "9" * 5000 + ",s=a", "t=²,s=a"])
def test_a_malformed_header_is_refused_without_an_exception(text):
    assert not make_adapter("secret").verify({"tiktok-signature": text}, b"{}", now=NOW).ok


class TestLegacyFormat:
    body = b'{"event_type": "video.publish.failed", "publish_id": "v~1", "fail_reason": "internal"}'

    def headers(self, body):
        return {"X-TikTok-Signature": hmac.new(b"secret", body, sha256).hexdigest()}

    def test_a_plain_digest_is_accepted_if_the_format_is_enabled(self):
        adapter = make_adapter("secret", compat=True)
        assert adapter.verify(self.headers(self.body), self.body, now=NOW).ok

    def test_a_plain_digest_is_ignored_otherwise(self):
        verdict = make_adapter("secret").verify(self.headers(self.body), self.body, now=NOW)
        assert verdict.reason == "missing_header"

    def test_a_plain_digest_does_not_replace_a_wrong_signature(self):
        headers = {**self.headers(self.body), "TikTok-Signature": "t=1,s=0"}
        verdict = make_adapter("secret", compat=True).verify(headers, self.body, now=NOW)
        assert verdict.reason == "bad_signature"

    def test_its_events_report_progress(self):
        (event,) = make_adapter(compat=True).parse(self.body)
        assert (event.key, event.publish_id) == ("video.publish.failed:v~1", "v~1")
        assert (event.progress.phase, event.progress.fail_reason) == (Phase.FAILED, "internal")

    def test_without_an_id_the_key_is_a_digest_of_the_body(self):
        body = b'{"type": "something.else"}'
        (event,) = make_adapter(compat=True).parse(body)
        assert event.kind == IGNORED_KIND
        assert event.key == f"something.else:{sha256(body).hexdigest()}"

    @pytest.mark.parametrize("body", [b"{}", b'{"type": "video.publish.complete"}', b"no JSON"])
    def test_a_body_without_type_or_publication_is_refused(self, body):
        with pytest.raises(ValueError):
            make_adapter(compat=True).parse(body)

    def test_the_real_format_is_parsed_as_well(self):
        (event,) = make_adapter(compat=True).parse(
            b'{"event": "post.publish.complete", "content": "{\\"publish_id\\": \\"v~1\\"}"}'
        )
        assert event.kind == "video.publish.complete"
