"""Tries, beats and counted calls: written by everybody, and never for ever."""

from datetime import timedelta

from db.attempts import Attempts
from db.beats import Beats
from db.calls import Calls
from tests.db.catalogue import ask
from tests.db.chores import Chore

DAY = timedelta(days=1)


def test_a_batch_is_opened_in_one_statement(database, sight):
    sight.put(3)
    with database.transaction() as session:
        rows = [session.get(Chore, id_) for id_ in (1, 2, 3)]
        entries = Attempts(session).open("chores", rows)
        assert set(entries) == {1, 2, 3}
        assert len(set(entries.values())) == 3
        assert Attempts(session).open("chores", []) == {}


def test_an_entry_is_closed_once_and_says_how_it_ended(database, sight):
    sight.put()
    with database.transaction() as session:
        entry = Attempts(session).open("chores", [session.get(Chore, 1)])[1]
        Attempts(session).close({entry: ("retry", "timeout", "x" * 5000, "log-7")})
        Attempts(session).close({entry: ("done", None, None, None)})
    with database.transaction() as session:
        (tried,) = Attempts(session).of("chores", 1)
        assert (tried.outcome, tried.code, tried.log_id) == ("retry", "timeout", "log-7")
        assert len(tried.message) == 500
        assert tried.started_at <= tried.ended_at


def test_several_entries_are_closed_at_once_whatever_their_texts_hold(database, sight):
    sight.put(2)
    with database.transaction() as session:
        rows = [session.get(Chore, id_) for id_ in (1, 2)]
        entries = Attempts(session).open("chores", rows)
        strange = ("failed", "code", "a\0b\ud800c", None)
        Attempts(session).close({entries[1]: strange, entries[2]: ("done", None, None, None)})
    with database.transaction() as session:
        first, second = (Attempts(session).of("chores", id_)[0] for id_ in (1, 2))
        assert (first.outcome, first.message) == ("failed", "a?b?c")
        assert (second.outcome, second.message) == ("done", None)


def test_old_tries_go_in_batches_and_young_ones_stay(database, database_url):
    ask(
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
    assert ask(database_url, "SELECT count(*) AS left FROM attempts")[0].left == 400


def test_a_beat_is_as_old_as_its_last_touch(database, database_url):
    with database.transaction() as session:
        assert Beats(session).age("tick") is None
        Beats(session).touch("tick")
    ask(database_url, "UPDATE beats SET at = at - interval '1 minute'")
    with database.transaction() as session:
        assert Beats(session).age("tick") > timedelta(seconds=59)
        Beats(session).touch("tick")
        assert Beats(session).age("tick") < timedelta(seconds=10)


def test_who_never_comes_back_is_forgotten(database, database_url):
    with database.transaction() as session:
        Beats(session).touch("alive:old")
    ask(database_url, "UPDATE beats SET at = at - interval '2 days'")
    with database.transaction() as session:
        Beats(session).touch("alive:new")
        Beats(session).forget(DAY)
    assert [row.name for row in ask(database_url, "SELECT name FROM beats")] == ["alive:new"]


def test_calls_are_counted_per_account_endpoint_and_window(database, database_url):
    ask(database_url, "INSERT INTO users (email) VALUES ('alice@example.org')")
    ask(
        database_url,
        "INSERT INTO oauth_accounts"
        " (user_id, provider, open_id, scope, access_token_encrypted, expires_at)"
        " SELECT 1, 'tiktok', 'open' || n, '', 'sealed', now() FROM generate_series(1, 2) AS n",
    )
    with database.transaction() as session:
        calls = Calls(session)
        for account, endpoint in ((1, "init"), (1, "init"), (1, "status"), (2, "init")):
            calls.add(account, endpoint)
    ask(database_url, "UPDATE calls SET at = at - interval '2 days' WHERE id = 1")
    with database.transaction() as session:
        assert Calls(session).count(1, "init", within=DAY) == 1
        assert Calls(session).count(1, "init", within=3 * DAY) == 2
        assert Calls(session).prune(DAY) == 1
        assert Calls(session).count(1, "init", within=3 * DAY) == 1
