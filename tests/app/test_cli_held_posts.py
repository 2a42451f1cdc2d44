"""`posts release --held` and `cancel --held`: many posts on hold, counted first, in batches."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import func, text

from core.post_state.step_state import UNSAFE_STEP
from core.publishing.held_posts import BATCH_SIZE, release_held_posts
from db.publishing.held_posts import HeldFilter

MORE_THAN_A_BATCH = BATCH_SIZE + 7


@pytest.fixture
def account(factory, make_user):
    return factory.create_account(make_user().id)


@pytest.fixture
def hold(factory, account):
    """Adds a post on hold; returns its id."""

    def add_post(reason="restored", account_id=account, **columns):
        return factory.create_post(account_id, hold_reason=reason, due_at=None, **columns)

    return add_post


def read_lines(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def held_ids(container):
    with container.database.transaction() as session:
        query = text("SELECT id FROM posts WHERE hold_reason IS NOT NULL ORDER BY id")
        return list(session.scalars(query))


def count_audited(container, action):
    with container.database.transaction() as session:
        query = text("SELECT count(*) FROM audit_log WHERE action = :action AND actor = 'cli'")
        return session.scalar(query, {"action": action})


def test_a_dry_run_counts_by_reason_and_changes_nothing(run_cli, hold, container):
    ids = [hold(), hold(), hold("operator")]
    result = run_cli("posts", "release", "--held", "--dry-run", "--json")
    assert read_lines(result) == [
        {"ok": True, "matches": 3, "accounts": 1, "byReason": {"operator": 1, "restored": 2}}
    ]
    said = run_cli("posts", "cancel", "--held", "--reason", "restored", "--dry-run").stdout
    assert said == "2 posts on hold of 1 accounts (restored 2) would be cancelled\n"
    assert held_ids(container) == ids


@pytest.mark.parametrize("verb", ["release", "cancel"])
def test_without_a_confirmation_nothing_is_done(run_cli, hold, container, verb):
    post = hold()
    refused = run_cli("posts", verb, "--held")
    assert (refused.returncode, "--yes" in refused.stderr) == (1, True)
    assert held_ids(container) == [post]


def test_all_are_released_in_batches_each_with_its_entries(run_cli, hold, factory, container):
    later = func.now() + timedelta(days=1)
    ids = [hold() for _ in range(MORE_THAN_A_BATCH)]
    scheduled = hold(publish_at=later)
    (line,) = read_lines(run_cli("posts", "release", "--held", "--yes", "--json"))
    assert (line["matches"], line["done"], line["refused"]) == (len(ids) + 1, len(ids) + 1, 0)
    assert held_ids(container) == []
    assert factory.post(ids[-1]).due_at is not None
    assert factory.post(scheduled).due_at == factory.post(scheduled).publish_at
    assert count_audited(container, "post.released") == len(ids) + 1
    assert "released_by_operator: restored" in run_cli("posts", "show", ids[0]).stdout


def test_an_interrupted_run_is_continued_by_the_same_command(run_cli, hold, container):
    ids = [hold() for _ in range(MORE_THAN_A_BATCH)]
    first = next(release_held_posts(container.database, container.services, HeldFilter()))
    assert first.done == ids[:BATCH_SIZE]
    assert held_ids(container) == ids[BATCH_SIZE:]
    (line,) = read_lines(run_cli("posts", "release", "--held", "--yes", "--json"))
    assert line["done"] == len(ids) - BATCH_SIZE
    assert held_ids(container) == []


def test_filters_choose_by_reason_account_user_platform_and_time(
    run_cli, hold, factory, container, make_user
):
    other = factory.create_account(make_user("bob@example.org").id)
    by_filter = {
        ("--reason", "operator"): hold("operator"),
        ("--account", other): hold(account_id=other),
        ("--user", "alice@example.org", "--until", "2026-01-01"): hold(
            publish_at=text("timestamptz '2025-12-31'")
        ),
        ("--since", "2126-01-01"): hold(publish_at=text("timestamptz '2126-01-02'")),
    }
    rest = hold()
    none = run_cli("posts", "cancel", "--held", "--platform", "instagram", "--yes", "--json")
    assert read_lines(none)[0]["matches"] == 0
    for options, post in by_filter.items():
        (line,) = read_lines(run_cli("posts", "cancel", "--held", *options, "--yes", "--json"))
        assert (line["matches"], line["done"]) == (1, 1), options
        assert factory.post(post).state == "CANCELLED"
    assert held_ids(container) == [rest]
    assert count_audited(container, "post.cancelled") == len(by_filter)


def test_a_post_that_refuses_stays_on_hold_and_stops_none_of_the_others(
    run_cli, hold, factory, container
):
    dead = factory.create_account(status="NEEDS_RECONNECT")
    refused, free = hold(account_id=dead), hold()
    result = run_cli("posts", "release", "--held", "--yes", "--json")
    assert result.returncode == 1
    failed, summary = read_lines(result)
    assert (failed["ok"], failed["id"]) == (False, refused)
    assert failed["error"]["code"]
    assert (summary["done"], summary["refused"]) == (1, 1)
    assert held_ids(container) == [refused]
    assert factory.post(free).hold_reason is None


def test_a_post_that_may_be_public_is_not_cancelled(run_cli, hold, container):
    uncertain = hold("wait_for_release", state="SENDING", step_state={UNSAFE_STEP: "start"})
    result = run_cli("posts", "cancel", "--held", "--yes", "--json")
    assert result.returncode == 1
    failed, summary = read_lines(result)
    assert failed["error"]["code"] == "publish_not_cancellable"
    assert (summary["done"], summary["refused"]) == (0, 1)
    assert held_ids(container) == [uncertain]


@pytest.mark.parametrize(
    "arguments",
    [
        ("release",),
        ("cancel", "--yes"),
        ("release", "17", "--held"),
        ("release", "17", "--reason", "restored"),
        ("cancel", "17", "--dry-run"),
    ],
)
def test_ids_and_filters_are_two_forms_of_the_command(run_cli, arguments):
    refused = run_cli("posts", *arguments)
    assert refused.returncode == 1
    assert "--held" in refused.stderr
