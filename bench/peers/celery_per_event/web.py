"""Stores each delivery in a transaction of its own, then hands its id to Celery."""

import json

from flask import Flask, request
from sqlalchemy.orm import Session

from bench.peers import tables
from bench.peers.celery_per_event import tasks
from bench.peers.signed import delivery

app = Flask(__name__)


@app.post("/webhooks")
def hear() -> dict[str, bool]:
    envelope = delivery()
    publish_id = json.loads(envelope["content"])["publish_id"]
    with Session(tables.engine()) as session, session.begin():
        new = tables.store(session, envelope, request.get_data(), publish_id)
    if new is not None:
        tasks.apply.delay(new)
    return {"success": True}


@app.get("/healthz")
def healthy() -> dict[str, bool]:
    return {"success": True}
