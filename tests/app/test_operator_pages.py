"""The pages of operators, as a browser without scripts gets them."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text

from app.pages.operator.alert_texts import ALERT_TITLES
from app.pages.operator.audit_log import csv_text
from app.pages.operator.durations import format_seconds
from core.health.conditions import ALERT_CONDITIONS
from tests.app.conftest import BrowserClient
from tests.support.row_factory import RowFactory
from tests.support.tiktok_webhooks import TikTokWebhookSender, build_envelope

PATHS = (
    "/monitoring",
    "/monitoring/state",
    "/monitoring/alerts",
    "/admin/events",
    "/admin/events/new",
    "/admin/events/refused",
    "/admin/events/1",
    "/admin/events/replay?status=dead",
    "/admin/events/replays",
    "/admin/queues",
    "/admin/queues/webhooks",
    "/admin/queues/housekeeping",
    "/admin/platforms",
    "/admin/audit",
    "/admin/audit.csv",
    "/admin/users",
    "/admin/users/1",
)
DEAD_EVENTS = (
    "INSERT INTO webhook_events (external_id, provider, event_type, payload_json, status, dead_at,"
    " next_attempt_at, retry_count, error_message) SELECT 'e' || n, 'tiktok', 'x', '{{}}', 'dead',"
    " now(), NULL, 15, 'unknown_publication: no post has this publish_id'"
    " FROM generate_series(1, {count}) AS n"
)


@pytest.fixture
def operator(sign_in, make_user):
    return sign_in(make_user("root@example.org", is_admin=True))


@pytest.fixture
def load_value(container):
    def load(query):
        with container.database.transaction() as session:
            return session.scalar(text(query))

    return load


def test_only_administrators_open_the_pages(client, sign_in):
    other = sign_in()
    for path in PATHS:
        assert client.get(path).status_code == 302, path
        assert other.get(path).status_code == 403, path
    for path in ("/admin/events/replay", "/admin/users/1/disable", "/monitoring/alerts/1/resolve"):
        assert other.post(path).status_code == 403, path


def test_other_users_do_not_see_them_in_the_navigation(operator, sign_in):
    assert 'href="/monitoring"' in operator.get("/").text
    assert 'href="/monitoring"' not in sign_in().get("/").text


def test_every_page_opens_in_both_languages(operator, client, run_sql):
    TikTokWebhookSender(client).send(build_envelope())
    for path in PATHS:
        for language in ("en", "fr"):
            response = operator.get(path, headers={"Accept-Language": language})
            assert response.status_code == 200, (path, response.text)


def test_every_alert_has_a_title():
    assert ALERT_TITLES.keys() == {condition.name for condition in ALERT_CONDITIONS}


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.44, "0.4 s"),
        (31.9, "31 s"),
        (131, "2 min 11 s"),
        (7400, "2 h 3 min"),
        (180_000, "2 d 2 h"),
    ],
)
def test_durations_are_short(seconds, expected):
    assert format_seconds(seconds) == expected


# Is everything moving?


def test_a_silent_queue_is_named_and_a_moving_one_is_not(operator, run_sql):
    run_sql("INSERT INTO beats VALUES ('tick', now()), ('canary:uploads', now() - interval '40 s'),"
            " ('canary:webhooks', now())")  # fmt: skip
    page = operator.get("/monitoring").text
    assert "The broker does not answer." in page  # in these tests there is none
    assert page.count("No worker answers</span>") == 1
    run_sql("UPDATE beats SET at = now()")
    assert "No worker answers" not in operator.get("/monitoring/state").text


def test_updates_can_be_paused_without_a_script(operator):
    assert "data-live" in operator.get("/monitoring").text
    assert "data-live" not in operator.get("/monitoring?updates=off").text


def test_an_alert_is_resolved_and_audited(operator, run_sql, load_value):
    run_sql("INSERT INTO alerts (name, severity, details) VALUES ('dead_letters', 'warning',"
            ' \'{"measured": 2, "limit": 0, "unit": "events"}\')')  # fmt: skip
    alert_id = load_value("SELECT id FROM alerts")
    page = operator.get("/monitoring").text
    assert "Webhook events could not be applied" in page
    assert "/admin/events?status=dead" in page
    assert "docs/operate/alerts.md#dead_letters" in page
    operator.post(f"/monitoring/alerts/{alert_id}/resolve")
    assert load_value("SELECT resolved_at IS NOT NULL FROM alerts")
    assert load_value("SELECT count(*) FROM audit_log WHERE action = 'alert.resolved'") == 1


def test_jobs_done_are_counted_by_queue(operator, run_sql):
    run_sql("INSERT INTO attempts (kind, row_id, number, outcome)"
            " SELECT 'accounts', n, 1, CASE WHEN n > 7 THEN 'retry' ELSE 'done' END"
            " FROM generate_series(1, 9) AS n")  # fmt: skip
    row = operator.get("/admin/queues").text.partition('/admin/queues/accounts"')[2]
    assert '<td class="n">7</td>' in row.partition("</tr>")[0]


# Webhook events


def test_events_are_found_by_each_filter(operator, client):
    sender = TikTokWebhookSender(client)
    sender.send(build_envelope(publish_id="alpha"))
    sender.send(build_envelope(publish_id="beta"), at=1_000_000_000)
    for query, found, other in (
        ("publish=alpha", "alpha", "beta"),
        ("late=yes", "beta", "alpha"),
        ("late=no&provider=tiktok", "alpha", "beta"),
        ("publish=beta&status=pending", "beta", "alpha"),
    ):
        page = re.sub(
            r"<form.*?</form>",
            "",
            operator.get(f"/admin/events?{query}").text,
            count=1,
            flags=re.DOTALL,
        )
        assert f"<td>{found}</td>" in page, query
        assert f"<td>{other}</td>" not in page, query
    assert "No events match these filters." in operator.get("/admin/events?error=%25").text


def test_new_events_are_announced_by_a_button(operator, client, load_value):
    TikTokWebhookSender(client).send(build_envelope(publish_id="alpha"))
    newest = load_value("SELECT max(id) FROM webhook_events")
    assert "button" not in operator.get(f"/admin/events/new?after={newest}").text
    TikTokWebhookSender(client).send(build_envelope(publish_id="beta"))
    assert "1 new event<" in operator.get(f"/admin/events/new?after={newest}").text


def test_an_event_leads_to_the_readers_own_post_and_to_no_others(
    operator, client, container, load_value, make_user
):
    factory = RowFactory(container.database, container.services.key_ring)
    owners = {"alpha": load_value("SELECT id FROM users"), "beta": make_user("b@example.org").id}
    for publish_id, owner in owners.items():
        account_id = factory.create_account(owner)
        post_id = factory.create_post(account_id, publish_id=publish_id)
        owners[publish_id] = post_id
        TikTokWebhookSender(client).send(build_envelope(publish_id=publish_id))
    page = operator.get("/admin/events").text
    assert f'<a href="/posts/{owners["alpha"]}">alpha</a>' in page
    assert "<td>beta</td>" in page


def test_an_event_shows_signature_payload_and_is_recorded_as_read(operator, client, load_value):
    TikTokWebhookSender(client).send(build_envelope(publish_id="<script>"))
    event_id = load_value("SELECT id FROM webhook_events")
    page = operator.get(f"/admin/events/{event_id}").text
    assert "The signature is valid." in page
    assert "Secret 1 signed it." in page
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    query = "SELECT count(*) FROM audit_log WHERE action = 'webhook_event.read'"
    assert load_value(query) == 1
    assert operator.get("/admin/events/999999").status_code == 404


def test_refused_deliveries_have_samples(operator, client, container):
    TikTokWebhookSender(client, secret="wrong").send(build_envelope(publish_id="forged"))
    container.refusals.close()
    page = operator.get("/admin/events/refused").text
    assert re.search("1 . bad_signature", page)
    assert "forged" in page


# Replays


def test_dead_letters_are_grouped_by_cause(operator, run_sql):
    run_sql(DEAD_EVENTS.format(count=3))
    page = operator.get("/admin/events?status=dead").text
    assert re.search("3 . unknown_publication", page)
    assert "code=unknown_publication" in page
    assert "No dead letters." in operator.get("/admin/events?status=dead&type=y").text


def test_a_replay_shows_its_count_before_it_starts(operator, run_sql, load_value):
    run_sql(DEAD_EVENTS.format(count=3))
    page = operator.get("/admin/events/replay?status=dead").text
    assert "3 events are replayed" in page
    assert load_value("SELECT count(*) FROM webhook_events WHERE status = 'dead'") == 3
    response = operator.post("/admin/events/replay", data={"status": "dead"})
    assert response.status_code == 302
    assert "0 of 3 events are done." in operator.get(response.location).text
    assert load_value("SELECT count(*) FROM webhook_events WHERE status = 'dead'") == 0
    assert (
        load_value("SELECT details->>'count' FROM audit_log WHERE action = 'webhooks.replayed'")
        == "3"
    )
    event_id = load_value("SELECT max(id) FROM webhook_events")
    run_sql("UPDATE webhook_events SET status = 'done', processed_at = now()")
    assert "3 events were replayed." in operator.get(response.location).text
    assert (
        "root@example.org" in operator.get(f"/admin/events/{event_id}").text.partition("<main")[2]
    )


def test_above_a_hundred_the_count_has_to_be_typed(operator, run_sql, load_value):
    run_sql(DEAD_EVENTS.format(count=101))
    assert "Type 101 to confirm" in operator.get("/admin/events/replay?status=dead").text
    for typed in ("", "100", "all"):
        refused = operator.post(
            "/admin/events/replay", data={"status": "dead", "typed_count": typed}
        )
        assert refused.status_code == 400
    assert load_value("SELECT count(*) FROM audit_log WHERE action = 'webhooks.replayed'") == 0
    operator.post("/admin/events/replay", data={"status": "dead", "typed_count": "101"})
    assert load_value("SELECT count(*) FROM webhook_events WHERE status = 'pending'") == 101


def test_selected_events_are_replayed_and_others_are_not(operator, run_sql, load_value):
    run_sql(DEAD_EVENTS.format(count=3))
    chosen = load_value("SELECT min(id) FROM webhook_events")
    assert "1 event is replayed" in operator.get(f"/admin/events/replay?ids={chosen}").text
    operator.post("/admin/events/replay", data={"ids": chosen})
    assert load_value("SELECT count(*) FROM webhook_events WHERE status = 'dead'") == 2


def test_everything_at_once_is_never_replayed(operator, run_sql, load_value):
    run_sql(DEAD_EVENTS.format(count=1))
    for query in ("", "provider=tiktok", "status=done"):
        assert operator.get(f"/admin/events/replay?{query}").status_code == 302
    assert operator.post("/admin/events/replay").status_code == 302
    assert load_value("SELECT count(*) FROM webhook_events WHERE status = 'dead'") == 1


def test_dead_letters_are_discarded_by_filter_after_their_count_and_restored(
    operator, run_sql, load_value
):
    run_sql(DEAD_EVENTS.format(count=101))
    dead = "SELECT count(*) FROM webhook_events WHERE status = 'dead'"
    page = operator.get("/admin/events?status=dead").text
    assert 'href="/admin/events/discard?status=dead"' in page
    assert "Type 101 to confirm" in operator.get("/admin/events/discard?status=dead").text
    form = {"status": "dead", "typed_count": "100"}
    assert operator.post("/admin/events/discard", data=form).status_code == 400
    assert load_value(dead) == 101
    done = operator.post("/admin/events/discard", data={**form, "typed_count": "101"})
    assert "101 dead letters were discarded." in operator.get(done.location).text
    assert load_value(dead) == 0
    at = parse_qs(urlsplit(done.location).query)["at"][0]
    operator.post("/admin/events/discards/undo", data={"at": at})
    assert load_value(dead) == 101
    assert "Nothing is marked with this discard" in operator.get(done.location).text
    for query in ("", "?at=never"):
        assert operator.get(f"/admin/events/discards{query}").status_code == 200


def test_dead_letters_are_a_place_of_the_navigation_with_their_number(operator, run_sql):
    place = r'<a[^>]*href="/admin/events{}"( aria-current="page")?[^>]*>.*?{}.*?</a>'
    dead, events = (
        re.compile(place.format(*each), re.DOTALL)
        for each in ((r"\?status=dead", "Dead letters"), ("", "Webhook events"))
    )
    assert "wait" not in dead.search(operator.get("/admin/events").text)[0]
    run_sql(DEAD_EVENTS.format(count=2))
    page = operator.get("/admin/events?status=dead&type=x").text
    assert "2 wait" in dead.search(page)[0]
    assert (dead.search(page)[1] is None, events.search(page)[1] is None) == (False, True)
    page = operator.get("/admin/events").text
    assert (dead.search(page)[1] is None, events.search(page)[1] is None) == (True, False)


def test_nothing_is_discarded_that_was_not_chosen(operator, run_sql, load_value):
    run_sql(DEAD_EVENTS.format(count=3))
    for query in ("", "?provider=tiktok", "?status=done"):
        assert operator.get(f"/admin/events/discard{query}").status_code == 302
    assert operator.post("/admin/events/discard").status_code == 302
    chosen = load_value("SELECT min(id) FROM webhook_events")
    operator.post("/admin/events/discard", data={"ids": chosen})
    assert load_value("SELECT count(*) FROM webhook_events WHERE status = 'dead'") == 2


def test_a_dead_letter_is_discarded_once(operator, run_sql, load_value):
    run_sql(DEAD_EVENTS.format(count=1))
    event_id = load_value("SELECT id FROM webhook_events")
    assert (
        f'href="/admin/events/{event_id}/discard"' in operator.get(f"/admin/events/{event_id}").text
    )
    assert f"Discard event {event_id}?" in operator.get(f"/admin/events/{event_id}/discard").text
    for _ in range(2):
        operator.post(f"/admin/events/{event_id}/discard")
    assert operator.get(f"/admin/events/{event_id}/discard").status_code == 404
    assert load_value("SELECT status FROM webhook_events") == "ignored"
    assert "discarded by a person" in operator.get(f"/admin/events/{event_id}").text


# Queues


def test_a_queue_lists_what_waits_and_what_is_in_work(operator, run_sql):
    run_sql(
        "INSERT INTO webhook_events (external_id, provider, event_type, payload_json, leased_until,"
        " error_message) VALUES ('e1', 'tiktok', 'x', '{}', NULL, 'first error'),"
        " ('e2', 'tiktok', 'x', '{}', now() + interval '9 s', NULL)"
    )
    page = operator.get("/admin/queues/webhooks").text
    assert "first error" in page
    assert page.count("In work</span>") == 1
    assert operator.get("/admin/queues/nothing").status_code == 404


# Audit log and users


def test_the_audit_log_is_filtered_and_reading_it_is_recorded(operator, make_user, load_value):
    bob = make_user("bob@example.org")
    page = operator.get(f"/admin/audit?subject=user:{bob.id}").text
    assert page.count("user.added") == 1
    assert load_value("SELECT count(*) FROM audit_log WHERE action = 'audit_log.read'") == 1


def test_the_audit_log_is_exported_as_csv(operator, make_user, load_value):
    bob = make_user("bob@example.org")
    response = operator.get(f"/admin/audit.csv?subject=user:{bob.id}")
    lines = response.text.splitlines()
    assert response.mimetype == "text/csv"
    assert lines[0].startswith("id,at,user,actor,action")
    assert len(lines) == 2
    assert load_value("SELECT count(*) FROM audit_log WHERE action = 'audit_log.exported'") == 1


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x"])
def test_no_cell_of_the_export_is_a_formula(cell):
    assert csv_text(cell) == f"'{cell}"
    assert csv_text(None) == ""


def test_a_user_is_disabled_and_enabled(operator, make_user, sign_in):
    bob = make_user("bob@example.org")
    browser = sign_in(bob)
    page = operator.post(f"/admin/users/{bob.id}/disable", follow_redirects=True).text
    assert "The user is disabled" in page
    assert browser.get("/").status_code == 302
    page = operator.post(f"/admin/users/{bob.id}/enable", follow_redirects=True).text
    assert "The user can sign in again." in page


def test_operators_do_not_disable_themselves(operator, load_value):
    own_id = load_value("SELECT id FROM users")
    operator.post(f"/admin/users/{own_id}/disable")
    assert load_value("SELECT disabled_at FROM users") is None


def test_a_browser_of_a_user_is_signed_out(operator, make_user, sign_in, load_value):
    bob = make_user("bob@example.org")
    browser = sign_in(bob)
    login = load_value(f"SELECT id FROM sessions WHERE user_id = {bob.id}")
    assert operator.post(f"/admin/users/1/sessions/{login}/end").status_code == 404
    operator.post(f"/admin/users/{bob.id}/sessions/{login}/end")
    assert browser.get("/").status_code == 302


def test_the_page_of_queues_leads_to_flower_if_its_address_is_set(app_factory, make_user, operator):
    assert "Open Flower" not in operator.get("/admin/queues").text
    app = app_factory.create_app(FLOWER_URL="https://flower.example.org")
    browser = BrowserClient(app, app.response_class, use_cookies=True)
    page = browser.sign_in(make_user("second@example.org", is_admin=True)).get("/admin/queues")
    assert 'href="https://flower.example.org"' in page.text
