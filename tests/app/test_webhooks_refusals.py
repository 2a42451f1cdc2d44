"""Refused deliveries are counted by reason, with samples, and never become events."""

import json

import pytest
from sqlalchemy import text

from db.webhooks.refusals import MAX_SAMPLES_PER_DAY
from tests.support.tiktok_webhooks import WEBHOOK_PATH, TikTokWebhookSender, build_envelope


@pytest.fixture
def load_refusals(container):
    def load():
        container.refusals.close()  # waits until all is written
        with container.database.transaction() as session:
            query = "SELECT provider, reason, count, samples FROM webhook_refusals ORDER BY reason"
            return session.execute(text(query)).all()

    return load


def count_events(container):
    with container.database.transaction() as session:
        return session.scalar(text("SELECT count(*) FROM webhook_events"))


def test_a_wrong_signature_is_counted_and_sampled(client, container, load_refusals):
    TikTokWebhookSender(client, secret="wrong").send(build_envelope(publish_id="forged"))
    ((provider, reason, count, samples),) = load_refusals()
    assert (provider, reason, count) == ("tiktok", "bad_signature", 1)
    assert "forged" in samples[0]["body"]
    assert samples[0]["bytes"] == len(json.dumps(build_envelope(publish_id="forged")))
    assert count_events(container) == 0


def test_reasons_are_counted_apart(client, load_refusals):
    client.post(WEBHOOK_PATH, data=b"{}")
    TikTokWebhookSender(client).send({**build_envelope(), "client_key": "another"})
    assert [(row.reason, row.count) for row in load_refusals()] == [
        ("missing_header", 1),
        ("other_app", 1),
    ]


def test_a_late_delivery_that_the_settings_refuse_is_counted(app_factory):
    app = app_factory.create_app(TIKTOK_WEBHOOK_LATE_POLICY="reject")
    TikTokWebhookSender(app.test_client()).send(build_envelope(), at=1_000_000_000)
    container = app.extensions["signalpost"]
    container.refusals.close()  # waits until all is written
    with container.database.transaction() as session:
        assert session.scalar(text("SELECT reason FROM webhook_refusals")) == "stale"


def test_many_refusals_cost_one_row_and_few_samples(client, load_refusals):
    for _ in range(MAX_SAMPLES_PER_DAY + 5):
        client.post(WEBHOOK_PATH, data=b"x" * 5000)
    load_refusals()
    client.post(WEBHOOK_PATH, data=b"one more")
    ((_, _, count, samples),) = load_refusals()
    assert count == MAX_SAMPLES_PER_DAY + 6
    assert len(samples) == MAX_SAMPLES_PER_DAY
    assert max(len(sample["body"]) for sample in samples) == 1000


def test_an_accepted_delivery_is_no_refusal(client, load_refusals):
    TikTokWebhookSender(client).send(build_envelope())
    assert load_refusals() == []
