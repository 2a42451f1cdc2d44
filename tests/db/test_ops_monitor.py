"""Conditions are judged apart from each other, and each change of an alert is one notice."""

import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from core.bootstrap import build_services
from core.config.settings import Settings
from core.crypto import generate_key
from core.health.alerts import ConditionVerdict, Judge, check_alerts
from core.health.conditions import ALERT_CONDITIONS
from core.health.measurement import Probes
from core.health.monitor import Monitor
from core.health.notice_sender import NoticeSender
from core.health.notice_sinks import HttpSink
from core.health.notices import QUIET_PERIOD, load_rules
from core.health.outage import OutageNotices, record_outage
from db.ops.alert_conditions import MonitorLeases
from db.ops.alert_notices import NoticeDeliveries
from db.session import Database
from platforms.secret import Secret
from tests.servers import owner_url
from tests.support.notice_receiver import run_notice_receiver

CONDITIONS = {condition.name: condition for condition in ALERT_CONDITIONS}
DEAD_EVENT = (
    "INSERT INTO webhook_events (provider, event_type, external_id, payload_json, status, dead_at,"
    " error_message) VALUES ('tiktok', 'x', gen_random_uuid()::text, '{{}}', 'dead', now(),"
    " '{code}: no post has it')"
)
REFRESHES = (
    "INSERT INTO attempts (kind, row_id, number, outcome, code)"
    " SELECT 'accounts', n, 1, CASE WHEN n <= {failed} THEN 'retry' ELSE 'done' END, 'timeout'"
    " FROM generate_series(1, {total}) AS n"
)


@pytest.fixture
def services(database_url, redis_url):
    settings = Settings.from_env(
        {
            "DATABASE_URL": database_url,
            "BROKER_URL": redis_url,
            "SECRET_KEY": "a-secret-key-of-the-tests",
            "TOKEN_ENCRYPTION_KEY": generate_key(),
        }
    )
    services = build_services(settings, wake=lambda _kind: None)
    yield services
    services.redis.close()


@pytest.fixture
def database(database_url):
    database = Database(database_url, pool_size=8)
    yield database
    database.dispose()


@pytest.fixture
def run_sql(database):
    def run(*statements):
        with database.transaction() as session:
            for statement in statements:
                result = session.execute(text(statement))
            return result.all() if result.returns_rows else []

    return run


@pytest.fixture
def rename_table(database_url):
    """Renames a table, which only the owner of the schema may do."""
    owner = Database(owner_url(database_url), pool_size=1)

    def rename(name, new_name):
        with owner.transaction() as session:
            session.execute(text(f"ALTER TABLE {name} RENAME TO {new_name}"))

    yield rename
    owner.dispose()


@pytest.fixture
def receiver():
    with run_notice_receiver() as receiver:
        yield receiver


@pytest.fixture
def judge(database, services):
    """Judges these conditions, or all, and returns the verdicts by name."""
    judge = Judge(database, Probes(services))
    return lambda *names: {name: judge.judge(CONDITIONS[name]) for name in (names or CONDITIONS)}


@pytest.fixture
def make_sender(database, services, receiver):
    """Creates the senders of several processes, which share the receiver."""

    def make(path="/", **changes):
        sink = HttpSink(Secret(receiver.url + path), None, services.now)
        sink.name = changes.get("name", sink.name)
        outage = OutageNotices(services.redis, load_rules(services.settings), services.now)
        return NoticeSender(database, sink, outage)

    return make


@contextmanager
def locked_table(database, name):
    with database.transaction() as session:
        session.execute(text(f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE"))
        yield


def list_notices(run_sql, name="dead_letters"):
    return [
        kind
        for (kind,) in run_sql(
            "SELECT kind FROM alert_notices JOIN alerts ON alerts.id = alert_id"
            f" WHERE name = '{name}' ORDER BY alert_notices.id"
        )
    ]


def age_everything(run_sql, interval):
    run_sql(
        f"UPDATE alert_notices SET due_at = due_at - interval '{interval}'",
        f"UPDATE alert_deliveries SET due_at = due_at - interval '{interval}'",
        f"UPDATE alerts SET notified_at = notified_at - interval '{interval}'",
        f"UPDATE alert_conditions SET exceeded_since = exceeded_since - interval '{interval}'",
    )


def test_a_query_that_fails_and_one_that_hangs_leave_the_other_conditions_judged(
    judge, run_sql, database, rename_table
):
    run_sql(DEAD_EVENT.format(code="x"))
    rename_table("watches", "lost")
    with locked_table(database, "endpoints"):
        verdicts = judge()
    failed = {name for name, verdict in verdicts.items() if verdict == ConditionVerdict.FAILED}
    assert failed == {"reading_paused", "endpoints_failing"}
    assert verdicts["dead_letters"] == ConditionVerdict.OPENED
    assert verdicts["conditions_unjudged"] == ConditionVerdict.OPENED
    ((details,),) = run_sql("SELECT details FROM alerts WHERE name = 'conditions_unjudged'")
    assert details["errors"] == {
        "endpoints_failing": "LockNotAvailable",
        "reading_paused": "UndefinedTable",
    }
    rename_table("lost", "watches")
    assert judge()["conditions_unjudged"] == ConditionVerdict.CLEAR


def test_there_is_one_notice_when_an_alert_opens_and_one_when_it_is_over(judge, run_sql):
    run_sql(DEAD_EVENT.format(code="x"))
    for _ in range(3):
        judge("dead_letters")
    assert list_notices(run_sql) == ["opened"]
    run_sql("DELETE FROM webhook_events")
    for _ in range(3):
        judge("dead_letters")
    assert list_notices(run_sql) == ["opened", "over"]


def test_an_alert_that_comes_back_within_the_quiet_period_sends_nothing_more(judge, run_sql):
    for _ in range(4):
        run_sql(DEAD_EVENT.format(code="x"))
        judge("dead_letters")
        run_sql("DELETE FROM webhook_events")
        judge("dead_letters")
    assert list_notices(run_sql) == ["opened", "over"]
    assert run_sql("SELECT count(*) FROM alerts") == [(1,)]


def test_an_alert_that_keeps_coming_back_waits_longer_until_it_is_over(judge, run_sql):
    for _ in range(3):
        run_sql(DEAD_EVENT.format(code="x"))
        judge("dead_letters")
        run_sql("DELETE FROM webhook_events")
        judge("dead_letters")
        delay = run_sql("SELECT max(due_at) - now() FROM alert_notices WHERE kind = 'over'")[0][0]
        age_everything(run_sql, "1 hour")
    assert delay > 3 * QUIET_PERIOD
    assert list_notices(run_sql) == ["opened", "over"] * 3


def test_an_open_alert_of_old_dead_letters_does_not_hide_new_ones(judge, run_sql):
    run_sql(DEAD_EVENT.format(code="unknown_publication"))
    judge("dead_letters")
    run_sql(DEAD_EVENT.format(code="unknown_publication"))
    judge("dead_letters")
    assert list_notices(run_sql) == ["opened"]  # not a notice for each single one
    run_sql(DEAD_EVENT.format(code="crypto_error"))
    judge("dead_letters")
    assert list_notices(run_sql) == ["opened", "more"]  # another cause is reported at once
    age_everything(run_sql, "20 minutes")
    judge("dead_letters")
    assert list_notices(run_sql) == ["opened", "more"]  # nothing is new since
    run_sql("DELETE FROM webhook_events WHERE error_message LIKE 'unknown%'")
    judge("dead_letters")
    run_sql(DEAD_EVENT.format(code="crypto_error"))
    judge("dead_letters")
    assert list_notices(run_sql) == ["opened", "more", "more"]  # fewer than before, and yet new
    ((details,),) = run_sql("SELECT details FROM alerts")
    assert details["codes"] == {"crypto_error": 2}


def test_an_open_alert_is_called_to_mind_after_the_time_of_the_settings(judge, run_sql):
    run_sql(DEAD_EVENT.format(code="x"))
    judge("dead_letters")
    age_everything(run_sql, "3 hours")
    judge("dead_letters")
    assert list_notices(run_sql) == ["opened"]
    age_everything(run_sql, "2 hours")
    judge("dead_letters")
    judge("dead_letters")
    assert list_notices(run_sql) == ["opened", "reminder"]


@pytest.mark.parametrize(
    ("failed", "total", "verdict"),
    [
        (3, 3, ConditionVerdict.CLEAR),  # ten accounts: three refreshes failed
        (4, 5, ConditionVerdict.OPENED),  # ten accounts, and the platform refuses nearly all
        (8, 109, ConditionVerdict.CLEAR),  # 10,000 accounts: what always fails
        (12, 109, ConditionVerdict.OPENED),  # 10,000 accounts: a real fault
    ],
)
def test_failed_refreshes_mean_the_same_at_ten_and_at_ten_thousand_accounts(
    judge, run_sql, failed, total, verdict
):
    run_sql(REFRESHES.format(failed=failed, total=total))
    assert judge("token_refresh_failure") == {"token_refresh_failure": verdict}


def test_a_scheduler_that_is_silent_for_longer_becomes_worse_once(judge, run_sql):
    run_sql("INSERT INTO beats VALUES ('tick', now() - interval '200 seconds')")
    judge("scheduler_lag")
    run_sql("UPDATE beats SET at = now() - interval '400 seconds'")
    judge("scheduler_lag")
    judge("scheduler_lag")
    assert run_sql("SELECT severity FROM alerts") == [("error",)]
    assert list_notices(run_sql, "scheduler_lag") == ["opened", "more"]


@pytest.mark.parametrize(
    ("alive", "tick", "canary", "verdict"),
    [
        ("70 seconds", "1 second", "1 second", ConditionVerdict.OPENED),  # no worker is left
        ("1 second", "300 seconds", "300 seconds", ConditionVerdict.CLEAR),  # beat alone
        ("1 second", "1 second", "70 seconds", ConditionVerdict.OPENED),  # no consumer
        ("20 seconds", "20 seconds", "20 seconds", ConditionVerdict.CLEAR),  # a new worker
    ],
)
def test_silent_workers_and_a_silent_beat_are_distinguished(
    judge, run_sql, alive, tick, canary, verdict
):
    run_sql(
        f"INSERT INTO beats VALUES ('alive:w', now() - interval '{alive}'),"
        f" ('tick', now() - interval '{tick}'), ('canary:webhooks', now() - interval '{canary}')",
        "INSERT INTO webhook_events (provider, event_type, external_id, payload_json)"
        " VALUES ('tiktok', 'x', 'x', '{}')",
    )
    assert judge("worker_silent") == {"worker_silent": verdict}


def test_a_broker_has_to_fail_twice_before_it_is_an_alert(database, services, run_sql):
    judge = Judge(database, Probes(services, lambda: False))
    condition = CONDITIONS["broker_unreachable"]
    assert judge.judge(condition) == ConditionVerdict.PENDING
    age_everything(run_sql, "10 seconds")
    assert judge.judge(condition) == ConditionVerdict.OPENED


def test_each_notice_is_sent_once_by_two_processes(judge, run_sql, make_sender, receiver):
    run_sql(DEAD_EVENT.format(code="x"))
    judge("dead_letters")
    senders = [make_sender(), make_sender()]
    threads = [threading.Thread(target=sender.deliver_due) for sender in senders * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert receiver.list_kinds("dead_letters") == ["opened"]


def test_a_notice_of_a_process_that_died_before_sending_is_sent_by_another(
    judge, run_sql, make_sender, receiver, database
):
    run_sql(DEAD_EVENT.format(code="x"))
    judge("dead_letters")
    with database.transaction() as session:
        assert NoticeDeliveries(session, "http").claim(timedelta(seconds=60))  # and it dies
    make_sender().deliver_due()
    assert receiver.received == []
    run_sql("UPDATE alert_deliveries SET leased_until = now() - interval '1 second'")
    make_sender().deliver_due()
    make_sender().deliver_due()
    assert receiver.list_kinds("dead_letters") == ["opened"]


def test_a_sink_that_refuses_gets_the_notices_later_and_in_order(
    judge, run_sql, make_sender, receiver
):
    receiver.status = 500
    sender = make_sender()
    run_sql(DEAD_EVENT.format(code="x"))
    judge("dead_letters")
    for _ in range(5):
        sender.deliver_due()
    ((attempts, error, delay),) = run_sql(
        "SELECT attempts, last_error, due_at - now() FROM alert_deliveries"
    )
    assert (attempts, error) == (1, "answered 500")
    assert timedelta(0) < delay <= timedelta(seconds=5)
    run_sql("DELETE FROM webhook_events")
    judge("dead_letters")
    age_everything(run_sql, "1 minute")
    sender.deliver_due()  # both are due, and the first is refused again
    assert receiver.list_kinds("dead_letters") == ["opened", "opened"]
    receiver.status = 200
    age_everything(run_sql, "1 minute")
    sender.deliver_due()
    sender.deliver_due()
    assert receiver.list_kinds("dead_letters")[2:] == ["opened", "over"]
    assert len({each.json["id"] for each in receiver.received if each.kind == "opened"}) == 1


def test_a_sink_that_fails_is_an_alert_itself(judge, run_sql, make_sender, receiver):
    receiver.status = 500
    run_sql(DEAD_EVENT.format(code="x"))
    judge("dead_letters")
    sender = make_sender()
    for _ in range(4):
        sender.deliver_due()
        age_everything(run_sql, "10 minutes")
    assert judge("notices_undelivered") == {"notices_undelivered": ConditionVerdict.OPENED}


def test_a_sink_that_does_not_answer_delays_neither_judging_nor_other_sinks(
    judge, run_sql, make_sender, receiver
):
    run_sql(DEAD_EVENT.format(code="x"))
    judge("dead_letters")
    hanging, healthy = make_sender("/hangs", name="slack"), make_sender()
    receiver.answers.clear()
    thread = threading.Thread(target=hanging.deliver_due)
    thread.start()
    receiver.wait_for_path("/hangs")
    receiver.answers.set()
    started_at = time.monotonic()
    healthy.deliver_due()
    assert judge("dead_letters") == {"dead_letters": ConditionVerdict.OPEN}
    assert time.monotonic() - started_at < 5
    assert receiver.list_kinds("dead_letters") == ["opened"]
    thread.join()


def test_one_of_two_monitors_judges_and_the_other_takes_over(database, services, run_sql):
    with database.transaction() as session:
        leases = MonitorLeases(session)
        assert leases.renew("first:1", timedelta(seconds=30)).is_ours
        assert not leases.renew("second:2", timedelta(seconds=30)).is_ours
    run_sql("UPDATE monitor_leases SET leased_until = now() - interval '1 second'")
    with database.transaction() as session:
        leases = MonitorLeases(session)
        assert leases.renew("second:2", timedelta(seconds=30)).is_ours
        assert not leases.renew("first:1", timedelta(seconds=30)).is_ours


def test_a_monitor_judges_at_its_start_and_calls_the_heartbeat_url(
    database_url, database, services, run_sql, receiver
):
    run_sql(DEAD_EVENT.format(code="x"))
    alerts = services.settings.alerts.model_copy(
        update={
            "heartbeat_url": Secret(f"{receiver.url}/ping/token"),
            "webhook_url": Secret(f"{receiver.url}/"),
        }
    )
    settings = services.settings.model_copy(update={"alerts": alerts})
    services = build_services(settings, wake=lambda _kind: None)
    monitor = Monitor(database, services, lambda: True)
    monitor.start()
    try:
        receiver.wait_for_kind("dead_letters", "opened", seconds=20)
        receiver.wait_for_path("/ping/token", seconds=20)
    finally:
        monitor.stop()


def test_a_round_started_by_hand_counts_as_judged(database, services, run_sql):
    result = check_alerts(database, services)
    assert (result.opened, result.active, result.failed) == (0, 0, 0)
    assert run_sql("SELECT judged_at > now() - interval '1 minute' FROM monitor_leases") == [
        (True,)
    ]


class OutageClock:
    """Seconds that pass when the test says so."""

    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds


def build_outages(services, clock):
    return OutageNotices(services.redis, load_rules(services.settings), services.now, clock=clock)


def test_an_outage_is_one_notice_of_two_processes_and_one_alert_afterwards(
    database, services, judge, run_sql, make_sender, receiver
):
    clock = OutageClock()
    first, second = build_outages(services, clock), build_outages(services, clock)
    sent = []
    for outages in (first, second):
        outages.record_failure("the database is read-only")
        outages.send_due("http", lambda notice: sent.append(notice.id))
    assert sent == []  # a failover takes as long
    clock.seconds += 16
    for outages in (first, second, first, second):
        outages.record_failure("the database is read-only")
        outages.send_due("http", lambda notice: sent.append(notice.id))
    assert len(sent) == 1
    late = build_outages(services, clock)  # has not looked what the others have sent
    endings = [(each, each.record_success()) for each in (second, first)]
    endings.insert(0, (late, replace(endings[0][1], sinks=())))
    for outages, ended in endings:
        with database.transaction() as session:
            known = outages.find_notified(ended, ["http", "slack"])
            record_outage(session, known, load_rules(services.settings))
        judge("database")
        make_sender().deliver_due()
    assert list_notices(run_sql, "database") == ["opened", "over"]
    age_everything(run_sql, "1 minute")
    make_sender().deliver_due()
    assert receiver.list_kinds("database") == ["over"]  # it has got the other one already
    ((reason,),) = run_sql("SELECT details->>'reason' FROM alerts WHERE name = 'database'")
    assert reason == "the database is read-only"


def test_an_outage_that_no_sink_has_heard_of_is_notified_afterwards(
    database, services, run_sql, make_sender, receiver
):
    clock = OutageClock()
    outages = build_outages(services, clock)
    outages.record_failure("the database does not answer")
    clock.seconds += 60
    outages.record_failure("the database does not answer")
    outages.send_due("http", lambda _notice: "answered 500")
    ended = outages.record_success()
    with database.transaction() as session:
        record_outage(session, ended, load_rules(services.settings))
    make_sender().deliver_due()
    assert receiver.list_kinds("database") == ["opened"]


def test_a_notice_of_an_outage_is_sent_by_another_process_if_the_first_one_dies(services):
    clock = OutageClock()
    first, second = build_outages(services, clock), build_outages(services, clock)
    sent = []
    for outages in (first, second):
        outages.record_failure("the database does not answer")
    clock.seconds += 16
    with pytest.raises(KeyboardInterrupt):
        first.send_due("http", raise_interrupt)
    second.send_due("http", lambda notice: sent.append(notice.id))
    assert sent == []  # the first one may still be sending
    services.redis.register_script("return redis.call('DEL', KEYS[1])")(["alert:database:http"], [])
    second.send_due("http", lambda notice: sent.append(notice.id))
    assert len(sent) == 1


def raise_interrupt(_notice):
    raise KeyboardInterrupt
