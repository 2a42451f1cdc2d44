"""Tries, beats and counted calls: written by everybody, and never for ever."""

from datetime import timedelta

from db.ops.attempts import Attempts
from db.ops.calls import Calls
from db.ops.heartbeats import Heartbeats
from tests.db.jobs_chores import Chore
from tests.db.schema_catalog import run_sql

DAY = timedelta(days=1)


def test_a_batch_is_opened_in_one_statement(database, chore_tables):
    chore_tables.insert_chores(3)
    with database.transaction() as session:
        rows = [session.get(Chore, id_) for id_ in (1, 2, 3)]
        entries = Attempts(session).start("chores", rows)
        assert set(entries) == {1, 2, 3}
        assert len(set(entries.values())) == 3
        assert Attempts(session).start("chores", []) == {}


def test_an_entry_is_closed_once_and_says_how_it_ended(database, chore_tables):
    chore_tables.insert_chores()
    with database.transaction() as session:
        entry = Attempts(session).start("chores", [session.get(Chore, 1)])[1]
        Attempts(session).finish({entry: ("retry", "timeout", "x" * 5000, "log-7")})
        Attempts(session).finish({entry: ("done", None, None, None)})
    with database.transaction() as session:
        (tried,) = Attempts(session).list_for_row("chores", 1)
        assert (tried.outcome, tried.code, tried.log_id) == ("retry", "timeout", "log-7")
        assert len(tried.message) == 500
        assert tried.started_at <= tried.ended_at


def test_several_entries_are_closed_at_once_whatever_their_texts_hold(database, chore_tables):
    chore_tables.insert_chores(2)
    with database.transaction() as session:
        rows = [session.get(Chore, id_) for id_ in (1, 2)]
        entries = Attempts(session).start("chores", rows)
        strange = ("failed", "code", "a\0b\ud800c", None)
        Attempts(session).finish({entries[1]: strange, entries[2]: ("done", None, None, None)})
    with database.transaction() as session:
        first, second = (Attempts(session).list_for_row("chores", id_)[0] for id_ in (1, 2))
        assert (first.outcome, first.message) == ("failed", "a?b?c")
        assert (second.outcome, second.message) == ("done", None)


def test_old_tries_go_in_batches_and_young_ones_stay(database, database_url):
    run_sql(
        database_url,
        "INSERT INTO attempts (kind, row_id, number, started_at)"
        " SELECT 'chores', n, 1, now() - CASE WHEN n % 5 = 0 THEN interval '1 hour'"
        " ELSE interval '31 days' END FROM generate_series(1, 2000) AS n",
    )
    gone = []
    while not gone or gone[-1]:
        with database.transaction() as session:
            gone.append(Attempts(session).prune(30 * DAY))
    assert gone == [1000, 600, 0]
    assert run_sql(database_url, "SELECT count(*) AS left FROM attempts")[0].left == 400


def test_a_beat_is_as_old_as_its_last_touch(database, database_url):
    with database.transaction() as session:
        assert Heartbeats(session).age("tick") is None
        Heartbeats(session).record("tick")
    run_sql(database_url, "UPDATE beats SET at = at - interval '1 minute'")
    with database.transaction() as session:
        assert Heartbeats(session).age("tick") > timedelta(seconds=59)
        Heartbeats(session).record("tick")
        assert Heartbeats(session).age("tick") < timedelta(seconds=10)


def test_who_never_comes_back_is_forgotten(database, database_url):
    with database.transaction() as session:
        Heartbeats(session).record("alive:old")
    run_sql(database_url, "UPDATE beats SET at = at - interval '2 days'")
    with database.transaction() as session:
        Heartbeats(session).record("alive:new")
        Heartbeats(session).delete_silent(DAY)
    assert [row.name for row in run_sql(database_url, "SELECT name FROM beats")] == ["alive:new"]


def test_calls_are_counted_per_account_endpoint_and_window(database, database_url):
    run_sql(database_url, "INSERT INTO users (email) VALUES ('alice@example.org')")
    run_sql(
        database_url,
        "INSERT INTO oauth_accounts"
        " (user_id, provider, open_id, scope, access_token_encrypted, expires_at)"
        " SELECT 1, 'tiktok', 'open' || n, '', 'sealed', now() FROM generate_series(1, 2) AS n",
    )
    with database.transaction() as session:
        calls = Calls(session)
        for account, endpoint in ((1, "init"), (1, "init"), (1, "status"), (2, "init")):
            calls.add(account, endpoint)
    run_sql(database_url, "UPDATE calls SET at = at - interval '2 days' WHERE id = 1")
    with database.transaction() as session:
        assert Calls(session).count(1, "init", within=DAY) == 1
        assert Calls(session).count(1, "init", within=3 * DAY) == 2
        assert Calls(session).prune(DAY) == 1
        assert Calls(session).count(1, "init", within=3 * DAY) == 1
