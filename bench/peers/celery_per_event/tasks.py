"""The task of the peer `celery_per_event`: one per event, as in most Flask applications."""

import os

from celery import Celery
from sqlalchemy.orm import Session

from bench.peers import tables

app = Celery("peer", broker=os.environ["BROKER_URL"])
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,  # no event may be lost when a worker dies
    broker_connection_retry_on_startup=True,
)


@app.task
def apply_event(event_id: int) -> None:
    with Session(tables.get_engine()) as session, session.begin():
        tables.apply_event(session, event_id)
