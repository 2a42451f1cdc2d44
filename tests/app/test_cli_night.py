"""The commands for the night: find, hold, release, cancel posts of any user; find events."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import func, text

LONG_AGO = func.now() - timedelta(hours=2)


@pytest.fixture
def alice(make_user):
    return make_user()


@pytest.fixture
def account(factory, alice):
    return factory.create_account(alice.id)


def read_json(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def listed_ids(result):
    return [item["id"] for item in read_json(result)[0]["items"]]


def audit_entries(container):
    with container.database.transaction() as session:
        rows = session.execute(text("SELECT action, subject, actor FROM audit_log ORDER BY id"))
        return [tuple(row) for row in rows]


def test_posts_of_all_users_are_listed_by_owner_state_and_platform(run_cli, factory, account):
    other = factory.create_account()
    queued = factory.create_post(account, title="Hello")
    failed = factory.create_post(account, state="FAILED", error_code="file_format_check_failed")
    held = factory.create_post(other, hold_reason="wait_for_release", due_at=None)
    assert listed_ids(run_cli("posts", "list", "--json")) == [held, failed, queued]
    by_owner = run_cli("posts", "list", "--user", "alice@example.org", "--json")
    assert listed_ids(by_owner) == [failed, queued]
    states = ("--state", "HELD", "--state", "failed")
    assert listed_ids(run_cli("posts", "list", *states, "--json")) == [held, failed]
    assert listed_ids(run_cli("posts", "list", "--account", other, "--json")) == [held]
    assert listed_ids(run_cli("posts", "list", "--platform", "instagram", "--json")) == []
    lines = run_cli("posts", "list").stdout
    assert f"post {failed}: FAILED" in lines
    assert "file_format_check_failed" in lines
    assert "on hold: wait_for_release" in lines


def test_a_long_list_has_pages(run_cli, factory, account):
    ids = [factory.create_post(account) for _ in range(3)]
    (first,) = read_json(run_cli("posts", "list", "--limit", 2, "--json"))
    assert ([item["id"] for item in first["items"]], first["next"]) == ([ids[2], ids[1]], ids[1])
    (last,) = read_json(run_cli("posts", "list", "--before", first["next"], "--json"))
    assert ([item["id"] for item in last["items"]], last["next"]) == ([ids[0]], None)


def test_a_post_is_put_on_hold_and_released_with_a_trace(run_cli, factory, account, container):
    post = factory.create_post(account)
    assert read_json(run_cli("posts", "hold", post, "--json")) == [
        {"ok": True, "id": post, "state": "QUEUED"}
    ]
    held = factory.post(post)
    assert (held.hold_reason, held.due_at) == ("operator", None)
    assert run_cli("posts", "release", post).returncode == 0
    released = factory.post(post)
    assert released.hold_reason is None
    assert released.due_at is not None
    screen = run_cli("posts", "show", post).stdout
    assert "held: operator" in screen
    assert "released_by_operator: operator" in screen
    expected = [(f"post.{done}", f"post:{post}", "cli") for done in ("held", "released", "read")]
    assert audit_entries(container)[-3:] == expected


def test_the_owner_of_a_post_sees_what_an_operator_did(run_cli, factory, account, alice, sign_in):
    post, browser = factory.create_post(account), sign_in(alice)
    run_cli("posts", "hold", post)
    page = browser.get(f"/posts/{post}").text
    assert "It waits: an operator has put it on hold." in page
    assert "put on hold by an operator" in page
    run_cli("posts", "release", post)
    assert "Released by an operator" in browser.get(f"/posts/{post}").text


def test_one_post_that_refuses_stops_none_of_the_others(run_cli, factory, account):
    sending = factory.create_post(account, state="SENDING")
    leased = factory.create_post(account, leased_until=func.now() + timedelta(minutes=1))
    queued = factory.create_post(account)
    result = run_cli("posts", "hold", sending, leased, 4711, queued, "--json")
    assert result.returncode == 1
    answers = read_json(result)
    assert [answer["ok"] for answer in answers] == [False, False, False, True]
    codes = [answer.get("error", {}).get("code") for answer in answers]
    assert codes == ["CONFLICT", "CONFLICT", "NOT_FOUND", None]
    assert factory.post(queued).hold_reason == "operator"
    assert factory.post(leased).hold_reason is None
    assert f"post {sending}: not on hold: CONFLICT" in run_cli("posts", "hold", sending).stdout


def test_posts_are_cancelled_with_a_confirmation(run_cli, factory, account, container):
    queued = factory.create_post(account)
    published = factory.create_post(account, state="PUBLISHED")
    refused = run_cli("posts", "cancel", queued)
    assert (refused.returncode, "--yes" in refused.stderr) == (1, True)
    assert factory.post(queued).state == "QUEUED"
    assert run_cli("posts", "cancel", queued, published, "--yes").returncode == 1
    assert factory.post(queued).state == "CANCELLED"
    assert factory.post(published).state == "PUBLISHED"
    assert ("post.cancelled", f"post:{queued}", "cli") in audit_entries(container)


def test_stuck_posts_are_listed_with_the_cause_and_others_are_not(run_cli, factory, account):
    future = func.now() + timedelta(hours=1)
    factory.create_post(account)
    factory.create_post(account, publish_at=future, due_at=future)
    factory.create_post(account, publish_at=future, hold_reason="operator", due_at=None)
    factory.create_post(account, state="PUBLISHED", due_at=None, attempts=5, last_error="x")
    lease = {"leased_until": func.now() + timedelta(minutes=1)}
    factory.create_post(account, due_at=LONG_AGO, **lease)
    stuck = {
        factory.create_post(account, due_at=LONG_AGO): "overdue",
        factory.create_post(account, hold_reason="needs_reconnect", due_at=None): "held",
        factory.create_post(account, state="UNCONFIRMED", started_at=LONG_AGO): "unconfirmed",
        factory.create_post(account, attempts=3, last_error="token missing"): "failing",
    }
    (answer,) = read_json(run_cli("posts", "stuck", "--json"))
    assert {item["id"]: item["cause"] for item in answer["items"]} == stuck
    lines = run_cli("posts", "stuck").stdout.splitlines()
    assert sorted(line.split()[0] for line in lines) == sorted(stuck.values())


def test_events_are_listed_by_status_and_code_and_displayed_with_payload(
    run_cli, run_sql, container
):
    for status, error in (("dead", "unknown_publication: x"), ("done", None), ("dead", "x: y")):
        dead_at, message = ("now()" if status == "dead" else "NULL"), error or ""
        run_sql(
            "INSERT INTO webhook_events (provider, event_type, external_id, payload_json, status,"
            " dead_at, error_message) VALUES ('tiktok', 'post', gen_random_uuid()::text,"
            f""" '{{"a": 1}}', '{status}', {dead_at}, '{message}')"""
        )
    assert listed_ids(run_cli("events", "list", "--json")) == [3, 2, 1]
    assert listed_ids(run_cli("events", "list", "--status", "dead", "--json")) == [3, 1]
    by_code = run_cli("events", "list", "--code", "unknown_publication", "--json")
    assert listed_ids(by_code) == [1]
    assert listed_ids(run_cli("events", "list", "--until", "2020-01-01", "--json")) == []
    assert read_json(run_cli("events", "show", 1, "--json"))[0]["payload"] == {"a": 1}
    assert '"a": 1' in run_cli("events", "show", 1).stdout
    assert ("webhook_event.read", "webhook_event:1", "cli") in audit_entries(container)
    assert run_cli("events", "show", 99).stderr == (
        "NOT_FOUND: there is no event 99\n"
        "What to do: `signalpost events list` shows what there is\n"
    )


def test_a_replay_is_counted_before_it_begins(run_cli, run_sql):
    run_sql(
        "INSERT INTO webhook_events (provider, event_type, external_id, payload_json, status,"
        " dead_at, next_attempt_at, error_message) SELECT 'tiktok', kind, kind, '{}', 'dead',"
        " now(), NULL, 'x: y' FROM unnest(ARRAY['a', 'b']) AS kind"
    )
    (counted,) = read_json(run_cli("events", "replay", "--dead", "--dry-run", "--json"))
    assert (counted["matches"], counted["capped"], counted["by_type"]) == (
        2,
        False,
        {"a": 1, "b": 1},
    )
    assert "2 would be replayed" in run_cli("events", "replay", "--dead", "--dry-run").stdout
    (replayed,) = read_json(run_cli("events", "replay", "--dead", "--type", "a", "--json"))
    assert replayed["ids"] == [1]
    assert listed_ids(run_cli("events", "list", "--status", "dead", "--json")) == [2]
    assert run_cli("events", "replay", "--type", "a").returncode == 1


def test_an_account_is_displayed_without_its_tokens(run_cli, account, container):
    screen = run_cli("accounts", "show", account)
    assert "hasAccessToken" in screen.stdout
    assert "act.old" not in screen.stdout
    assert ("account.read", f"account:{account}", "cli") in audit_entries(container)
