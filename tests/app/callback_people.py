"""Fixtures and helpers for callbacks of Meta about a person, and for what is stored of them."""

import base64
import hmac
import json
from hashlib import sha256

import pytest
from sqlalchemy import text

from app.http.context import CONTAINER_KEY
from tests.support.instagram_webhooks import InstagramWebhookHarness

DEAUTHORIZE = "/api/webhooks/instagram/deauthorize"
DATA_DELETION = "/api/webhooks/instagram/data-deletion"
FACEBOOK_SECRET, INSTAGRAM_SECRET = "facebooksecret", "instagramsecret"
ADA, ALIAS = "10159999000000001", "17841499990000099"
ISSUED_AT = 4102444800  # after every grant of these tests


@pytest.fixture
def meta_app(app_factory, tmp_path):
    return app_factory.create_app(
        PUBLIC_URL="https://app.example",
        MEDIA_URL=f"file://{tmp_path}",
        FACEBOOK_APP_ID="1021",
        FACEBOOK_APP_SECRET=FACEBOOK_SECRET,
        INSTAGRAM_APP_ID="2021",
        INSTAGRAM_APP_SECRET=INSTAGRAM_SECRET,
    )


@pytest.fixture
def meta_client(meta_app):
    return meta_app.test_client()


@pytest.fixture
def people(meta_app):
    container = meta_app.extensions[CONTAINER_KEY]
    return InstagramWebhookHarness(
        container.database, container.services.key_ring, container.services
    )


def sign_request(person, *, secret=FACEBOOK_SECRET, issued_at=ISSUED_AT, **fields):
    payload = {"algorithm": "HMAC-SHA256", "issued_at": issued_at, "user_id": person, **fields}
    encoded = base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")
    digest = hmac.new(secret.encode(), encoded.encode(), sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=") + "." + encoded


def send_callback(client, path, person, **options):
    return client.post(path, data={"signed_request": sign_request(person, **options)})


def count_rows(people, *tables):
    with people.database.transaction() as session:
        return [session.scalar(text(f'SELECT count(*) FROM "{table}"')) for table in tables]
