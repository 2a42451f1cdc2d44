"""Each change of an alert reaches each sink, whatever dies or does not answer."""

import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from core.bootstrap import build_services
from core.health.alerts import ConditionVerdict, check_alerts
from core.health.monitor import Monitor
from core.health.notices import load_rules
from core.health.outage import OutageNotices, record_outage
from db.ops.alert_conditions import MonitorLeases
from db.ops.alert_notices import NoticeDeliveries
from platforms.secret import Secret
from tests.db.monitor_fixtures import (
    DEAD_EVENT,
    age_everything,
    database,
    judge,
    list_notices,
    make_sender,
    receiver,
    run_sql,
    services,
)

__all__ = ["database", "judge", "make_sender", "receiver", "run_sql", "services"]  # fixtures


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


@pytest.mark.alert("notices_undelivered")
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


@pytest.mark.alert("database")
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
