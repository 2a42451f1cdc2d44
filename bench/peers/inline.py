"""Flask and SQLAlchemy without a queue: stored and applied while the platform waits."""

import json

from flask import Flask, request
from sqlalchemy.orm import Session

from bench.peers import tables
from bench.peers.signed import delivery

app = Flask(__name__)


@app.post("/webhooks")
def hear() -> dict[str, bool]:
    envelope = delivery()
    publish_id = json.loads(envelope["content"])["publish_id"]
    with Session(tables.engine()) as session, session.begin():
        new = tables.store(session, envelope, request.get_data(), publish_id)
        if new is not None:
            tables.apply(session, new)
    return {"success": True}


@app.get("/healthz")
def healthy() -> dict[str, bool]:
    return {"success": True}
