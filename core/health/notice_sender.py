"""Delivers notices to one sink, in a thread of its own: a sink that hangs delays nobody else.

At least once: a notice is claimed, sent, and then recorded. If the process dies between the last
two, another one sends it again with the same id.
"""

from collections import deque
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from threading import Event, Thread
from typing import TypeVar

import structlog

from core.health.known_facts import SingleCall, StillRunning
from core.health.notice_sinks import NotDelivered, NoticeSink
from core.health.notices import Notice
from core.health.outage import OutageNotices
from db.ops.alert_notices import ClaimedNotice, NoticeDeliveries
from db.session import Database, DatabaseUnavailable

Answer = TypeVar("Answer")

POLL_SECONDS = 5.0
DATABASE_TIMEOUT_SECONDS = 3.0
SEND_TIMEOUT_SECONDS = 30.0
NOTICE_LEASE = timedelta(seconds=60)  # longer than an attempt takes
FIRST_RETRY_DELAY, MAX_RETRY_DELAY = timedelta(seconds=5), timedelta(minutes=5)
GIVE_UP_AFTER = timedelta(hours=24)
MAX_REMEMBERED_IDS = 1000
MAX_ERROR_LENGTH = 200

log = structlog.get_logger(__name__)


class NoticeSender:
    """The thread of one sink. `wake` lets it look at once."""

    def __init__(self, database: Database, sink: NoticeSink, outage_notices: OutageNotices) -> None:
        self._database, self._sink, self._outage_notices = database, sink, outage_notices
        self._rows = SingleCall(f"alert-rows-{sink.name}")
        self._sending = SingleCall(f"alert-send-{sink.name}")
        self._has_news, self._should_stop = Event(), Event()
        self._sent_ids: deque[str] = deque(maxlen=MAX_REMEMBERED_IDS)

    @property
    def name(self) -> str:
        """The name of the sink."""
        return self._sink.name

    def start(self) -> None:
        Thread(target=self._run, name=f"alert-sink-{self._sink.name}", daemon=True).start()

    def wake(self) -> None:
        self._has_news.set()

    def stop(self) -> None:
        self._should_stop.set()
        self._has_news.set()

    def _run(self) -> None:
        while not self._should_stop.is_set():
            self._has_news.wait(POLL_SECONDS)
            self._has_news.clear()
            try:
                self.deliver_due()
            except Exception as error:
                reason = type(error).__name__
                log.exception("notice.sender_failed", sink=self._sink.name, error=reason)

    def deliver_due(self) -> None:
        """Send what is due: first what concerns a database that is away, then what is in it."""
        self._outage_notices.send_due(self._sink.name, self._try_send)
        for claimed in self._ask_rows(self._claim) or []:
            error = self._try_send(build_notice(claimed))
            self._ask_rows(partial(record_attempt, self._database, self._sink, claimed, error))

    def _claim(self) -> list[ClaimedNotice]:
        with self._database.transaction() as session:
            return NoticeDeliveries(session, self._sink.name).claim(NOTICE_LEASE)

    def _ask_rows(self, call: Callable[[], Answer]) -> Answer | None:
        """Run a call with the database; None if it is away. Leases let the rest be done later."""
        try:
            return self._rows.run(call, timeout=DATABASE_TIMEOUT_SECONDS)
        except (DatabaseUnavailable, StillRunning):
            return None

    def _try_send(self, notice: Notice) -> str | None:
        """Send a notice unless this process has done so; return the error, None for success."""
        if notice.id in self._sent_ids:
            return None
        try:
            self._sending.run(lambda: self._sink.send(notice), timeout=SEND_TIMEOUT_SECONDS)
        except (NotDelivered, StillRunning) as error:
            reason = str(error)[:MAX_ERROR_LENGTH]
            log.warning("notice.not_delivered", sink=self._sink.name, id=notice.id, error=reason)
            return reason
        self._sent_ids.append(notice.id)
        log.info("notice.delivered", sink=self._sink.name, id=notice.id)
        return None


def deliver_once(database: Database, sink: NoticeSink) -> None:
    """Send what is due to one sink, from this thread. Errors: DatabaseUnavailable."""
    with database.transaction() as session:
        claimed_notices = NoticeDeliveries(session, sink.name).claim(NOTICE_LEASE)
    for claimed in claimed_notices:
        error = None
        try:
            sink.send(build_notice(claimed))
        except NotDelivered as refusal:
            error = str(refusal)[:MAX_ERROR_LENGTH]
        record_attempt(database, sink, claimed, error)


def record_attempt(
    database: Database, sink: NoticeSink, claimed: ClaimedNotice, error: str | None
) -> None:
    with database.transaction() as session:
        deliveries = NoticeDeliveries(session, sink.name)
        if error is None:
            deliveries.record_delivered(claimed.notice_id)
        else:
            deliveries.record_failure(claimed.notice_id, error, retry_delay(claimed))


def build_notice(claimed: ClaimedNotice) -> Notice:
    return Notice(
        id=f"{claimed.alert_id}-{claimed.kind}-{claimed.notice_id}",
        kind=claimed.kind,
        content=claimed.content,
    )


def retry_delay(claimed: ClaimedNotice) -> timedelta | None:
    """How long to wait after this attempt; None if the notice is too old to be sent."""
    if claimed.age > GIVE_UP_AFTER:
        return None
    doublings = min(claimed.attempts - 1, 10)
    return min(FIRST_RETRY_DELAY * int(2**doublings), MAX_RETRY_DELAY)
