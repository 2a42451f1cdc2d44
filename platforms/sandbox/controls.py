"""The control API all platforms share: log, faults, clock, deliveries. Not part of any platform."""

from dataclasses import fields
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request
from werkzeug.exceptions import BadRequest

from platforms.sandbox.courier import TRICKS
from platforms.sandbox.faults import WEBHOOK, Fault
from platforms.sandbox.house import House
from platforms.sandbox.plays import KINDS

controls = Blueprint("controls", __name__, url_prefix="/_sandbox")

FIELDS = {field.name for field in fields(Fault)}
NUMBER = (int, float)
TYPES = {
    "times": (int,),
    "copies": (int,),
    "seconds": NUMBER,
    "rate": NUMBER,
    "work": (bool,),
    "endpoint": (str,),
    "kind": (str,),
}


def house() -> House:
    return current_app.extensions["house"]  # type: ignore[no-any-return]  # Flask keeps anything there


def wish() -> dict[str, Any]:
    """The JSON object of a control request; no body is an empty one. Errors: 400."""
    body = request.get_json(force=True) if request.get_data() else {}  # curl -d says "form"
    if not isinstance(body, dict):
        raise BadRequest("a JSON object, please")
    return body


@controls.errorhandler(BadRequest)
def refused(error: BadRequest) -> tuple[Response, int]:
    return jsonify(error=error.description), 400


@controls.get("/log")
def log() -> dict[str, Any]:
    return {"log": house().log.listed(request.args.get("endpoint"))}


@controls.delete("/log")
def forget() -> dict[str, Any]:
    house().log.clear()
    return {"log": []}


@controls.get("/faults")
def faults() -> dict[str, Any]:
    return {"faults": house().faults.listed(), "kinds": [*KINDS], "webhook": [*TRICKS]}


@controls.post("/faults")
def add_fault() -> dict[str, Any]:
    house().faults.add(fault(wish()))
    return {"faults": house().faults.listed()}


@controls.delete("/faults")
def clear_faults() -> dict[str, Any]:
    house().faults.clear()
    return {"faults": []}


@controls.get("/clock")
def clock() -> dict[str, Any]:
    return {"time": house().clock.time, "ahead": house().clock.ahead}


@controls.post("/clock")
def advance() -> dict[str, Any]:
    seconds = wish().get("advance")
    if not isinstance(seconds, NUMBER) or seconds < 0:
        raise BadRequest("advance: seconds, not negative")
    house().advance(seconds)
    return clock()


@controls.get("/deliveries")
def deliveries() -> dict[str, Any]:
    return {"deliveries": house().courier.listed()}


def fault(asked: dict[str, Any]) -> Fault:
    """Errors: BadRequest for an unknown endpoint, kind or key: a typo must not pass as no fault."""
    if unknown := set(asked) - FIELDS:
        raise BadRequest(f"unknown: {', '.join(sorted(unknown))}")
    wrong = [key for key, value in asked.items() if not isinstance(value, TYPES[key])]
    if wrong or not {"endpoint", "kind"} <= set(asked):
        raise BadRequest(f"endpoint and kind are needed; of the wrong type: {wrong}")
    wanted = Fault(**asked)
    kinds = TRICKS if wanted.endpoint == WEBHOOK else KINDS
    if wanted.kind not in kinds:
        raise BadRequest(f"kind: one of {', '.join(kinds)}")
    if wanted.endpoint not in current_app.extensions["endpoints"] | {WEBHOOK, "*"}:
        raise BadRequest(f"endpoint: one of {', '.join(current_app.extensions['endpoints'])}")
    return wanted
