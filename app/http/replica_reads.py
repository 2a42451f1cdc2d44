"""Which database the lists of a request are read from: the replica, or the primary.

A view with `reads_replica` reads through `reading_database`, and is called again with the primary
if the replica does not answer, or if the answer is a refusal: those are the primary's to make.
Everything else is the primary's: writes, and what decides something. Decision 0081.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import Flask, Response, g, request

from app.http.context import current_container, current_principal, find_principal
from app.http.request_log import find_handover
from core.errors import CoreError
from core.observability import metrics
from core.replica import READ_LIMIT, Replica
from db.deadlines import statement_deadline
from db.identity.users import Users
from db.replicas import ReplicaReadFailed, reading_within
from db.session import Database, DatabaseUnavailable

P = ParamSpec("P")
T = TypeVar("T")

REFUSED_STATUSES = frozenset({401, 403, 429})
"""Of requests that have changed nothing: a flood of them must not write."""

READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
READ_SOURCES = ("replica", "primary", "repeated")
RECORD_LIMIT = timedelta(seconds=2)


def init_replica_reads(app: Flask) -> None:
    """Record who has changed something, so that their lists show it."""
    app.after_request(record_write)


def reading_database() -> Database:
    """The database that this view may read from; the primary, unless the view has another one."""
    database: Database = g.get("reading_database") or current_container().database
    return database


def note_write() -> None:
    """Say that this request changes something, although it is a GET."""
    g.has_written = True


def reads_replica(view: Callable[P, T]) -> Callable[P, T]:
    """Let a view that only reads do so from the replica. It needs a principal, and no stream."""

    @wraps(view)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        replica = current_container().services.replica
        if replica is None:
            return view(*args, **kwargs)
        database = replica.open_reads(current_principal().wrote_at)
        if database is None:
            count_read("primary")
            return view(*args, **kwargs)
        g.reading_database = database
        try:
            with reading_within(READ_LIMIT):
                answer = view(*args, **kwargs)
        except (ReplicaReadFailed, CoreError) as error:
            if isinstance(error, ReplicaReadFailed):
                replica.report_fault(error.fault)
            g.reading_database = None
            count_read("repeated")
            return view(*args, **kwargs)  # what is refused may only be missing there
        count_read("replica")
        return answer

    wrapper.__dict__["reads_replica"] = True  # for the test that calls all of them
    return wrapper


def count_read(source: str) -> None:
    metrics.with_labels(metrics.LIST_READS, source).inc()


def record_write(response: Response) -> Response:
    """Record that the user has changed something, before the answer leaves."""
    replica, principal = current_container().services.replica, find_principal()
    if replica is not None and principal is not None and has_written(response):
        store_write(replica, principal.user_id)
    return response


def has_written(response: Response) -> bool:
    """Whether this request may have changed what a list shows. Parts of an upload have not."""
    handover = find_handover()
    if response.status_code in REFUSED_STATUSES or (handover and handover.is_partial):
        return False
    return request.method not in READING_METHODS or bool(g.get("has_written", False))


def store_write(replica: Replica, user_id: int) -> None:
    """Store it on the primary. Without it, this process's lists stay with the primary for a while.

    What the request did is done, so its answer stands.
    """
    database = current_container().database
    try:
        with statement_deadline(RECORD_LIMIT), database.transaction() as session:
            Users(session).record_write(user_id)
    except DatabaseUnavailable:
        replica.report_unrecorded_write()
