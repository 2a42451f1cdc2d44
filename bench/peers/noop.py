"""The lower bound `noop`: the smallest Flask view, on the same server. Ignores what it receives."""

from flask import Flask, request

app = Flask(__name__)


@app.post("/webhooks")
def receive_webhook() -> dict[str, bool]:
    request.get_data()
    return {"success": True}


@app.get("/healthz")
def health_check() -> dict[str, bool]:
    return {"success": True}
