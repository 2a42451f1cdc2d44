"""The floor: the smallest view that answers, on the same server. Looks at nothing it is sent."""

from flask import Flask, request

app = Flask(__name__)


@app.post("/webhooks")
def receive_webhook() -> dict[str, bool]:
    request.get_data()
    return {"success": True}


@app.get("/healthz")
def health_check() -> dict[str, bool]:
    return {"success": True}
