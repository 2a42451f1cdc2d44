"""The sandbox's control API below `/_sandbox/`: request log, faults, clock, deliveries."""

from dataclasses import fields
from typing import Any, cast, get_origin

from flask import Blueprint, Response, current_app, jsonify, request
from werkzeug.exceptions import BadRequest

from platforms.sandbox.fault_behaviours import FAULT_BEHAVIOURS
from platforms.sandbox.faults import ANY_ENDPOINT, WEBHOOK_ENDPOINT, InjectedFault
from platforms.sandbox.named_errors import GRAPH_ERROR_KIND, find_field_mistake
from platforms.sandbox.response_shapes import FIELD_SHAPES
from platforms.sandbox.state import SandboxState
from platforms.sandbox.webhook_sender import WEBHOOK_FAULTS

routes = Blueprint("control_api", __name__, url_prefix="/_sandbox")

FAULT_FIELDS = {field.name for field in fields(InjectedFault)}
FIELD_KINDS = FIELD_SHAPES | {GRAPH_ERROR_KIND}  # the kinds of faults that have `fields`
NUMBER_TYPES = (int, float)
FAULT_FIELD_TYPES = {
    "times": (int,),
    "copies": (int,),
    "seconds": NUMBER_TYPES,
    "rate": NUMBER_TYPES,
    "work": (bool,),
    "endpoint": (str,),
    "kind": (str,),
    "fields": (dict,),
}


def current_sandbox() -> SandboxState:
    """Return the sandbox that serves this request."""
    return cast("SandboxState", current_app.extensions["sandbox"])


def read_json_object() -> dict[str, Any]:
    """Return the body of a control request; empty if there is none. Errors: BadRequest.

    The content type is ignored: `curl -d` declares a form.
    """
    body = request.get_json(force=True) if request.get_data() else {}
    if not isinstance(body, dict):
        raise BadRequest("the body has to be a JSON object")
    return body


@routes.errorhandler(BadRequest)
def handle_bad_request(error: BadRequest) -> tuple[Response, int]:
    return jsonify(error=error.description), 400


@routes.get("/log")
def show_log() -> dict[str, Any]:
    return {"log": current_sandbox().log.as_dicts(request.args.get("endpoint"))}


@routes.delete("/log")
def clear_log() -> dict[str, Any]:
    current_sandbox().log.clear()
    return {"log": []}


@routes.get("/faults")
def list_faults() -> dict[str, Any]:
    return {
        "faults": current_sandbox().faults.as_dicts(),
        "kinds": [*FAULT_BEHAVIOURS],
        "webhook": [*WEBHOOK_FAULTS],
    }


@routes.post("/faults")
def add_fault() -> dict[str, Any]:
    current_sandbox().faults.add(parse_fault(read_json_object()))
    return {"faults": current_sandbox().faults.as_dicts()}


@routes.delete("/faults")
def clear_faults() -> dict[str, Any]:
    current_sandbox().faults.clear()
    return {"faults": []}


@routes.get("/clock")
def show_clock() -> dict[str, Any]:
    return {"time": current_sandbox().clock.time, "ahead": current_sandbox().clock.offset}


@routes.post("/clock")
def advance_clock() -> dict[str, Any]:
    seconds = read_json_object().get("advance")
    if not isinstance(seconds, NUMBER_TYPES) or seconds < 0:
        raise BadRequest("advance: has to be a number of seconds that is not negative")
    current_sandbox().advance(seconds)
    return show_clock()


@routes.get("/deliveries")
def list_deliveries() -> dict[str, Any]:
    return {"deliveries": current_sandbox().webhook_sender.as_dicts()}


def parse_fault(params: dict[str, Any]) -> InjectedFault:
    """Parse a fault to inject.

    Errors: BadRequest for an unknown endpoint, kind or field, so that a typo does not pass as "no
    fault".
    """
    if unknown := set(params) - FAULT_FIELDS:
        raise BadRequest(f"unknown fields: {', '.join(sorted(unknown))}")
    if not {"endpoint", "kind"} <= set(params):
        raise BadRequest("endpoint and kind are required")
    mistyped = [name for name, value in params.items() if not has_valid_type(name, value)]
    if mistyped:
        raise BadRequest(f"fields of the wrong type: {', '.join(mistyped)}")
    fault = InjectedFault(**params)
    kinds = WEBHOOK_FAULTS if fault.endpoint == WEBHOOK_ENDPOINT else FAULT_BEHAVIOURS
    if fault.kind not in kinds:
        raise BadRequest(f"kind: has to be one of {', '.join(kinds)}")
    if (fault.kind in FIELD_KINDS) != bool(fault.fields):
        raise BadRequest(f"fields: needed by {', '.join(sorted(FIELD_KINDS))}, and only by them")
    if fault.kind == GRAPH_ERROR_KIND and (mistake := find_field_mistake(fault.fields)):
        raise BadRequest(mistake)
    endpoints = {*current_app.extensions["endpoints"], WEBHOOK_ENDPOINT, ANY_ENDPOINT}
    if fault.endpoint not in endpoints:
        raise BadRequest(f"endpoint: has to be one of {', '.join(sorted(endpoints))}")
    return fault


def has_valid_type(name: str, value: Any) -> bool:
    return isinstance(value, FAULT_FIELD_TYPES[name])


def check_fields(record_type: type[Any], params: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters if all are fields of the type.

    Errors: BadRequest for unknown names and wrong types, so that a typo does not pass as a setting.
    """
    types = {field.name: field.type for field in fields(record_type)}
    for name, value in params.items():
        if name not in types:
            raise BadRequest(f"{name}: unknown; has to be one of {', '.join(types)}")
        field_type = get_origin(types[name]) or types[name]
        is_whole_number = field_type is float and type(value) is int
        if not is_whole_number and type(value) is not field_type:
            raise BadRequest(f"{name}: has to be of type {getattr(field_type, '__name__', '')}")
    return params
