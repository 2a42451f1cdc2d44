"""The monitor: judges the alert conditions, in a process that is neither beat nor a worker.

Each web process has one, or there are separate processes (`signalpost monitor`). One of them holds
the lease in the database and judges; another takes over within half a minute. All of them watch the
database, since nobody can take a lease from one that is away. Decision 0040.
"""

import os
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from threading import Event, Thread

import structlog
from prometheus_client import Counter

from core.bootstrap import Services
from core.health import notices
from core.health.alerts import ConditionVerdict, Judge
from core.health.conditions import ALERT_CONDITIONS, AlertCondition
from core.health.heartbeat_conditions import UNKNOWN_PATH_HEARTBEAT
from core.health.known_facts import SingleCall, StillRunning
from core.health.measurement import Probes
from core.health.notice_sender import NoticeSender
from core.health.notice_sinks import build_sinks
from core.health.outage import Outage, OutageNotices, record_outage
from core.observability import metrics
from db.ops.alert_conditions import ConditionStates, LeaseState, MonitorLeases
from db.ops.heartbeats import Heartbeats
from db.ops.write_probe import NO_ANSWER, describe_refusal
from db.session import Database, DatabaseUnavailable
from platforms.errors import PlatformError
from platforms.http import SAFE_RETRY, HttpClient

TICK_SECONDS = 5.0
LEASE = timedelta(seconds=30)  # renewed with each tick
PENDING_INTERVAL_SECONDS = 10.0  # until conditions that are above their limit are judged again
DATABASE_TIMEOUT_SECONDS = 3.0
HEARTBEAT_GRACE_SECONDS = 30.0
"""After an outage, or after this process was stopped, until heartbeats can be young again."""

MIN_PING_INTERVAL_SECONDS = 59.0

log = structlog.get_logger(__name__)


class Monitor:
    """The monitor of one process. `start` runs it in threads, `run` in this one."""

    def __init__(
        self,
        database: Database,
        services: Services,
        ping_broker: Callable[[], bool],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        settings = services.settings
        self._database, self._services, self._clock = database, services, clock
        self._holder = f"{socket.gethostname()}:{os.getpid()}"
        self._rules = notices.load_rules(settings)
        self._rows, self._pinging = SingleCall("alert-lease"), SingleCall("alert-heartbeat")
        self._judge = Judge(database, Probes(services, ping_broker))
        self._outage = OutageNotices(services.redis, self._rules, services.now)
        self._senders = [
            NoticeSender(database, sink, self._outage)
            for sink in build_sinks(settings, services.now)
        ]
        self._ping_client = HttpClient()
        self._should_stop = Event()
        self._last_tick_at = clock()
        self._heartbeats_from = clock()
        self._rejudge_at: float | None = None
        self._pinged_at: float | None = None
        self._unknown_paths = read_counter(metrics.WEBHOOK_UNKNOWN_PATHS)

    def start(self) -> None:
        Thread(target=self.run, name="alert-monitor", daemon=True).start()

    def run(self) -> None:
        """Judge until `stop` is called."""
        for sender in self._senders:
            sender.start()
        interval = max(min(TICK_SECONDS, self._check_interval()), 1.0)
        while not self._should_stop.is_set():
            try:
                self._tick()
            except Exception as error:
                log.exception("monitor.failed", error=type(error).__name__)
            self._should_stop.wait(interval)

    def stop(self) -> None:
        self._should_stop.set()
        for sender in self._senders:
            sender.stop()

    def _check_interval(self) -> float:
        return self._services.settings.limits.alert_check_interval.total_seconds()

    def _tick(self) -> None:
        now = self._clock()
        if now - self._last_tick_at > HEARTBEAT_GRACE_SECONDS:  # this process was stopped
            self._heartbeats_from = now + HEARTBEAT_GRACE_SECONDS
        self._last_tick_at = now
        lease = self._renew_lease()
        if lease is not None and lease.is_ours and self._is_round_due(lease):
            self._judge_all()
        for sender in self._senders:
            sender.wake()

    def _renew_lease(self) -> LeaseState | None:
        """Take or keep the lease; None, and the outage goes on, if the database refuses that."""
        try:
            lease = self._rows.run(self._write_lease, timeout=DATABASE_TIMEOUT_SECONDS)
        except StillRunning:
            self._outage.record_failure(NO_ANSWER)
            return None
        except Exception as error:  # noqa: BLE001 - whatever it is, the database is of no use
            self._outage.record_failure(describe_refusal(error))
            return None
        ended = self._outage.record_success()
        if ended is not None:
            self._end_outage(ended)
        return lease

    def _write_lease(self) -> LeaseState:
        with self._database.transaction() as session:
            if self._has_unknown_path():
                Heartbeats(session).record(f"{UNKNOWN_PATH_HEARTBEAT}{socket.gethostname()}")
            return MonitorLeases(session).renew(self._holder, LEASE)

    def _has_unknown_path(self) -> bool:
        """Whether this process got a delivery for an unknown address since the last time."""
        before, self._unknown_paths = (
            self._unknown_paths,
            read_counter(metrics.WEBHOOK_UNKNOWN_PATHS),
        )
        return self._unknown_paths > before

    def _end_outage(self, outage: Outage) -> None:
        self._heartbeats_from = self._clock() + HEARTBEAT_GRACE_SECONDS
        self._rejudge_at = self._clock()
        outage = self._outage.find_notified(outage, [sender.name for sender in self._senders])
        with self._database.transaction() as session:
            record_outage(session, outage, self._rules)

    def _is_round_due(self, lease: LeaseState) -> bool:
        if self._rejudge_at is not None and self._clock() >= self._rejudge_at:
            return True
        if lease.judged_age is None:
            return True
        return lease.judged_age.total_seconds() >= self._check_interval() - TICK_SECONDS / 2

    def _judge_all(self) -> None:
        """Judge every condition; a database that stops answering ends the round."""
        verdicts = []
        for condition in self._list_conditions():
            try:
                verdicts.append(self._judge.judge(condition))
            except DatabaseUnavailable:
                return
            if self._should_stop.is_set() or not self._keep_lease():
                return
        is_pending = ConditionVerdict.PENDING in verdicts
        self._rejudge_at = self._clock() + PENDING_INTERVAL_SECONDS if is_pending else None
        if ConditionVerdict.FAILED not in verdicts:
            self._record_round()

    def _list_conditions(self) -> list[AlertCondition]:
        has_heartbeats = self._clock() >= self._heartbeats_from
        if not has_heartbeats:
            self._rejudge_at = self._heartbeats_from
        return [each for each in ALERT_CONDITIONS if has_heartbeats or not each.needs_heartbeats]

    def _keep_lease(self) -> bool:
        """Renew the lease in a long round; whether it is still ours."""
        if self._clock() - self._last_tick_at < TICK_SECONDS:
            return True
        self._last_tick_at = self._clock()
        lease = self._renew_lease()
        return lease is not None and lease.is_ours

    def _record_round(self) -> None:
        with self._database.transaction() as session:
            MonitorLeases(session).record_round()
            ConditionStates(session).delete_others([each.name for each in ALERT_CONDITIONS])
        self._ping_heartbeat()

    def _ping_heartbeat(self) -> None:
        """Call HEARTBEAT_URL each minute, without waiting for the answer."""
        url = self._services.settings.alerts.heartbeat_url
        now = self._clock()
        is_early = self._pinged_at is not None and now - self._pinged_at < MIN_PING_INTERVAL_SECONDS
        if url is None or is_early:
            return
        self._pinged_at = now
        try:
            self._pinging.start(lambda: send_ping(self._ping_client, url.reveal()))
        except StillRunning:
            log.warning("heartbeat.not_sent", error="the call before it has not ended")


def read_counter(counter: Counter) -> float:
    """Return what this process has counted."""
    samples = [sample for metric in counter.collect() for sample in metric.samples]
    return sum(sample.value for sample in samples if sample.name.endswith("_total"))


def send_ping(client: HttpClient, url: str) -> None:
    """GET the URL. `HttpClient` logs host and status alone."""
    try:
        client.call("GET", url, endpoint="heartbeat", retry=SAFE_RETRY)
    except PlatformError as error:
        log.warning("heartbeat.not_sent", error=error.code)
