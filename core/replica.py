"""The standby of Postgres that lists are read from, and whether it is up to date enough for that.

One thread notes each second what the primary has written (`PrimaryPosition`) and asks the standby
what it has replayed. A position that was noted a second ago says how old the answers of a standby
are at most that has replayed it, by this process's clock alone. Decision 0081.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Condition, Event, Thread

import structlog

from db.replicas import (
    PrimaryPosition,
    ReadingRights,
    ReplicaFault,
    ReplicaFaultKind,
    ReplicaReadFailed,
    StandbyState,
    demand_position,
    read_primary_position,
    read_rights,
    read_standby_state,
)
from db.session import Database

LOOK_LIMIT = timedelta(seconds=1)  # for each server; opening a connection may take a second more
LOOK_INTERVAL_SECONDS = 1.0
INTERVALS_PER_LAG = 4  # of a small limit, more often than each second
READ_LIMIT = timedelta(seconds=3)  # for all that one request reads; it takes a hundredth of it
REST_SECONDS = 5.0  # for which a replica is left out that did not answer a request
VERDICT_MAX_AGE = 5.0  # seconds; an older verdict is none: whoever judges hangs
FLUSH_DELAY = timedelta(seconds=1)
"""With `synchronous_commit = off` a commit is in the log after three times `wal_writer_delay`."""

WATCH_FAULT = ReplicaFault(
    "it is not watched: the primary or the watching thread does not answer",
    kind=ReplicaFaultKind.NOT_WATCHED,
)
NO_STANDBY_FAULT = ReplicaFault(
    "it is no standby: it has been promoted, or never was one", kind=ReplicaFaultKind.NO_STANDBY
)
OTHER_PRIMARY_FAULT = ReplicaFault(
    "it is the standby of another primary, or another database",
    kind=ReplicaFaultKind.OTHER_PRIMARY,
)
PAUSED_FAULT = ReplicaFault("an operator has paused its replay", kind=ReplicaFaultKind.PAUSED)
UNRECORDED_WRITE_FAULT = ReplicaFault(
    "a write of a user could not be recorded", kind=ReplicaFaultKind.AWAITS_WRITE
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class KnownPosition:
    """What the primary had written at `known_at`, or later. Units: seconds of our clock."""

    known_at: float
    primary: PrimaryPosition


@dataclass(frozen=True)
class ReplicaVerdict:
    """`fault` None: lists are read from it. `lag`: how old its answers may be, in seconds."""

    fault: ReplicaFault | None
    lag: float | None
    judged_at: float


@dataclass(frozen=True)
class ReplicaDatabases:
    """Each with a pool of its own: a read that hangs delays no judgement."""

    primary: Database
    standby: Database
    reads: Database


class Replica:
    """Judges the replica, and hands it out to reads while it is up to date enough."""

    def __init__(
        self,
        databases: ReplicaDatabases,
        *,
        max_lag: timedelta,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._databases, self._clock = databases, clock
        self.max_lag = max_lag
        self._max_lag_seconds = max_lag.total_seconds()
        self._positions: tuple[KnownPosition, ...] = ()
        self._watched_since: float | None = None
        self._resting_until = 0.0
        self._verdict: ReplicaVerdict | None = None
        self._changed = Condition()
        self._stopping = Event()
        self._thread: Thread | None = None

    @property
    def verdict(self) -> ReplicaVerdict | None:
        """The last judgement; None while it is not known yet how late the replica is."""
        verdict = self._verdict
        if verdict is not None and self._clock() - verdict.judged_at > VERDICT_MAX_AGE:
            return ReplicaVerdict(WATCH_FAULT, None, verdict.judged_at)
        return verdict

    def start(self) -> None:
        """Watch in a thread of its own, unless one does already."""
        with self._changed:
            if self._thread is None:
                self._thread = Thread(target=self._watch, name="replica-watch", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End the thread and all connections."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        for database in vars(self._databases).values():
            database.dispose()

    def await_verdict(self) -> ReplicaVerdict:
        """Watch until it is known how late the replica is, at most twice its limit."""
        self.start()
        limit = 2 * self._max_lag_seconds + VERDICT_MAX_AGE
        with self._changed:
            self._changed.wait_for(lambda: self._verdict is not None, limit)
        return self.verdict or ReplicaVerdict(WATCH_FAULT, None, self._clock())

    def open_reads(self, wrote_at: datetime | None) -> Database | None:
        """Return the database for the reads of a user, None if they belong to the primary.

        It reads nothing older than the limit allows, and nothing from before `wrote_at`, when the
        user last changed something. Errors of its transactions: ReplicaBehind.
        """
        verdict = self.verdict
        position = self._find_position(wrote_at)
        if verdict is None or verdict.fault is not None or position is None:
            return None
        return self._databases.reads.begin_with(demand_position(position, limit=READ_LIMIT))

    def report_fault(self, fault: ReplicaFault) -> None:
        """Leave the replica out for a while, unless the next read may succeed."""
        if not fault.is_passing:
            self._leave_out(fault, REST_SECONDS)

    def report_unrecorded_write(self) -> None:
        """Leave the replica out until it must have replayed a write that could not be recorded."""
        self._leave_out(UNRECORDED_WRITE_FAULT, self._max_lag_seconds + REST_SECONDS)

    def look(self) -> None:
        """Note what the primary has written, ask the replica what it has replayed, and judge it."""
        known_at = self._clock()
        try:
            primary = read_primary_position(self._databases.primary, limit=LOOK_LIMIT)
        except ReplicaReadFailed:
            self._positions, self._watched_since = (), None
            return  # the verdict grows old; requests end at the primary anyway
        self._note_position(KnownPosition(known_at, primary))
        try:
            standby = read_standby_state(self._databases.standby, limit=LOOK_LIMIT)
        except ReplicaReadFailed as error:
            self._judge(error.fault, lag=None)
            return
        self._judge_state(standby, primary)

    def read_rights(self) -> ReadingRights:
        """Return what the role may do that reads. Errors: ReplicaReadFailed."""
        return read_rights(self._databases.standby, limit=READ_LIMIT)

    def _leave_out(self, fault: ReplicaFault, seconds: float) -> None:
        self._resting_until = max(self._resting_until, self._clock() + seconds)
        self._judge(fault, lag=None)

    def _watch(self) -> None:
        interval = min(LOOK_INTERVAL_SECONDS, self._max_lag_seconds / INTERVALS_PER_LAG)
        while not self._stopping.is_set():
            self.look()
            self._stopping.wait(interval)

    def _note_position(self, known: KnownPosition) -> None:
        """Keep the position beside those that the limit still allows."""
        oldest = known.known_at - self._max_lag_seconds
        kept = (each for each in self._positions if each.known_at >= oldest)
        self._positions = (*kept, known)
        if self._watched_since is None:
            self._watched_since = known.known_at

    def _find_position(self, wrote_at: datetime | None) -> int | None:
        """Return the oldest position that a read of this user may be of."""
        oldest = self._clock() - self._max_lag_seconds
        for known in self._positions:
            is_after_write = wrote_at is None or known.primary.at >= wrote_at + FLUSH_DELAY
            if known.known_at >= oldest and is_after_write:
                return known.primary.position
        return None

    def _judge_state(self, standby: StandbyState, primary: PrimaryPosition) -> None:
        if not standby.is_standby:
            self._judge(NO_STANDBY_FAULT, lag=None)
        elif standby.identity != primary.identity:
            self._judge(OTHER_PRIMARY_FAULT, lag=None)
        elif standby.is_paused:
            self._judge(PAUSED_FAULT, lag=self._find_lag(standby.position))
        else:
            self._judge_lag(self._find_lag(standby.position))

    def _judge_lag(self, lag: float | None) -> None:
        if lag is not None and lag <= self._max_lag_seconds:
            self._judge(None, lag=lag)
        elif self._is_watched_for_long():
            limit = f"{self._max_lag_seconds:g} s"
            words = f"it is more than {limit} behind (DATABASE_REPLICA_LAG_SECONDS)"
            self._judge(ReplicaFault(words, kind=ReplicaFaultKind.BEHIND), lag=lag)

    def _find_lag(self, position: int) -> float | None:
        """Return for how long the replica may have lacked something; None: longer than is known."""
        newest = self._positions[-1]
        if position >= newest.primary.position:
            return 0.0
        replayed = (each for each in self._positions if each.primary.position <= position)
        times = [each.known_at for each in replayed]
        return self._clock() - max(times) if times else None

    def _is_watched_for_long(self) -> bool:
        since = self._watched_since
        return since is not None and self._clock() - since > self._max_lag_seconds

    def _judge(self, fault: ReplicaFault | None, *, lag: float | None) -> None:
        """Store the verdict, and write a line if it is another one than before."""
        now, before = self._clock(), self._verdict
        if fault is None and before is not None and now < self._resting_until:
            fault = before.fault
        with self._changed:
            self._verdict = ReplicaVerdict(fault, lag, now)
            self._changed.notify_all()
        was_out = before is not None and before.fault is not None
        if fault is not None and not was_out:
            log.warning("replica.left_out", reason=fault.words)
        elif fault is None and (was_out or before is None):
            log.info("replica.in_use", lag_seconds=lag)
