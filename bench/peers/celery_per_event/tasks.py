"""One Celery task per notice: the shape most Flask applications have."""

import os

from celery import Celery
from sqlalchemy.orm import Session

from bench.peers import tables

app = Celery("peer", broker=os.environ["BROKER_URL"])
app.conf.update(
    task_ignore_result=True,  # nobody asks for results
    task_acks_late=True,  # as whoever must not lose a notice sets it
    broker_connection_retry_on_startup=True,
)


@app.task
def apply_event(event_id: int) -> None:
    with Session(tables.get_engine()) as session, session.begin():
        tables.apply_event(session, event_id)
