"""The peer `inline`: Flask and SQLAlchemy without a queue; applies events before responding."""

import json

from flask import Flask, request
from sqlalchemy.orm import Session

from bench.peers import tables
from bench.peers.flask_request import verify_request

app = Flask(__name__)


@app.post("/webhooks")
def receive_webhook() -> dict[str, bool]:
    envelope = verify_request()
    publish_id = json.loads(envelope["content"])["publish_id"]
    with Session(tables.get_engine()) as session, session.begin():
        new = tables.store_event(session, envelope, request.get_data(), publish_id)
        if new is not None:
            tables.apply_event(session, new)
    return {"success": True}


@app.get("/healthz")
def health_check() -> dict[str, bool]:
    return {"success": True}
