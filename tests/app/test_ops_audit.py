"""The audit log names who looked at what and who changed what, and addresses are addresses."""

import pytest
from sqlalchemy import func, text
from structlog.testing import capture_logs

from app.http.context import CONTAINER_KEY
from core import audit
from db.media.files import Media
from tests.support.tiktok_webhooks import TikTokWebhookSender, build_envelope

INSERT_ACCOUNT = """
INSERT INTO oauth_accounts (user_id, provider, open_id, scope, expires_at, access_token_encrypted)
VALUES (:user, 'tiktok', 'open-1', 'video.upload', now() + interval '1 day', 'v1.x') RETURNING id
"""


@pytest.fixture
def read_audit(run_sql):
    """Return the entries of an action: actor, user, subject and details."""

    def read(action):
        query = "SELECT actor, subject, details FROM audit_log WHERE action = '{}' ORDER BY id"
        return [tuple(row) for row in run_sql(query.format(action))]

    return read


def test_an_administrators_look_at_a_payload_is_recorded(client, admin_client, run_sql, read_audit):
    TikTokWebhookSender(client).send(build_envelope(publish_id="p1"))
    (event_id,) = run_sql("SELECT id FROM webhook_events")[0]
    assert admin_client.get("/api/admin/webhook-events").status_code == 200
    assert read_audit("webhook_event.read") == []  # the list shows no payload
    assert admin_client.get(f"/api/admin/webhook-events/{event_id}").status_code == 200
    assert admin_client.get("/api/admin/webhook-events/999999").status_code == 404
    assert read_audit("webhook_event.read") == [("key", f"webhook_event:{event_id}", {})]


def test_an_administrators_look_at_a_users_account_is_recorded(
    admin_client, make_user, container, read_audit
):
    with container.database.transaction() as session:
        parameters = {"user": make_user().id}
        account_id = session.execute(text(INSERT_ACCOUNT), parameters).scalar_one()
    assert admin_client.get(f"/api/admin/accounts/{account_id}").status_code == 200
    assert read_audit("account.read") == [("key", f"account:{account_id}", {})]


def test_sign_ins_and_refused_ones_are_recorded(client, make_user, read_audit):
    alice = make_user()
    for password in ("a wrong password", alice.password):
        client.post("/api/auth/login", json={"email": alice.email, "password": password})
    assert read_audit("login.refused") == [("nobody", f"user:{alice.id}", {})]
    assert [actor for actor, _, _ in read_audit("login")] == ["nobody"]


def test_a_request_without_the_right_is_logged(signed_in_client, make_user):
    with capture_logs() as lines:
        signed_in_client.get("/api/admin/audit")
        signed_in_client.get("/api/posts/17")
    logged = [
        (line["path"], line["status"], line["user"] is not None)
        for line in lines
        if line["event"] == "request"
    ]
    assert logged == [("/api/admin/audit", 403, True), ("/api/posts/17", 404, True)]


def test_a_deleted_file_is_recorded(app_factory, tmp_path, read_audit, make_user, make_api_key):
    app = app_factory.create_app(MEDIA_URL=f"file://{tmp_path}")
    container = app.extensions[CONTAINER_KEY]
    user = make_user()
    with container.database.transaction() as session:
        file = Media(
            user_id=user.id,
            filename="video.mp4",
            content_type="video/mp4",
            size=4,
            path=container.services.media.create_file(),
            expires_at=func.now(),
        )
        session.add(file)
        session.flush()
        file_id = file.id
    headers = {"Authorization": f"Bearer {make_api_key(user)}", "Tus-Resumable": "1.0.0"}
    assert app.test_client().delete(f"/api/media/{file_id}", headers=headers).status_code == 204
    assert read_audit("file.deleted") == [("key", f"file:{file_id}", {})]


def test_what_was_changed_of_an_endpoint_is_recorded(make_user, make_api_client, read_audit):
    client = make_api_client(make_user())
    created = client.post("/api/endpoints", json={"url": "https://host.example.com/events"})
    path = f"/api/endpoints/{created.json['data']['id']}"
    changes = {"url": "https://other.example.com/events?token=secret", "enabled": False}
    assert client.patch(path, json=changes).status_code == 200
    ((actor, _, details),) = read_audit("endpoint.changed")
    assert (actor, details["changed"], details["host"], details["enabled"]) == (
        "key",
        ["url", "enabled"],
        "other.example.com",
        False,
    )
    assert "secret" not in str(details)


@pytest.mark.parametrize(
    ("sent", "recorded"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:DB8::0:1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("203.0.113.7:50312", None),
        ("unknown", None),
        ("<script>", None),
        ("1.2.3.4\n5.6.7.8", None),
        ("", None),
        (None, None),
    ],
)
def test_only_an_address_is_recorded_as_an_address(container, run_sql, sent, recorded):
    with container.database.transaction() as session:
        audit.set_origin(audit.Origin(actor="session", ip=sent))
        audit.record_action(session, "test.acted")
    audit.set_origin(audit.DEFAULT_ORIGIN)
    assert run_sql("SELECT ip FROM audit_log WHERE action = 'test.acted'") == [(recorded,)]
