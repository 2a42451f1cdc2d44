"""The web part of the peer `celery_per_event`: stores each delivery, sends its id to Celery."""

import json

from flask import Flask, request
from sqlalchemy.orm import Session

from bench.peers import tables
from bench.peers.celery_per_event import tasks
from bench.peers.flask_request import verify_request

app = Flask(__name__)


@app.post("/webhooks")
def receive_webhook() -> dict[str, bool]:
    envelope = verify_request()
    publish_id = json.loads(envelope["content"])["publish_id"]
    with Session(tables.get_engine()) as session, session.begin():
        new = tables.store_event(session, envelope, request.get_data(), publish_id)
    if new is not None:
        tasks.apply_event.delay(new)
    return {"success": True}


@app.get("/healthz")
def health_check() -> dict[str, bool]:
    return {"success": True}
