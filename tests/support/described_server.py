"""A server at the wire that answers as the API's description says, and notes what was asked of it.

It stands behind a `requests` session. A request that the description does not allow is refused.
"""

import json
import re
from dataclasses import dataclass, field
from io import BytesIO
from urllib.parse import parse_qs, unquote, urlsplit

import jsonschema_rs
import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from clients.generate_types import CURSOR_FIELDS, iter_operations

LOCATIONS = {"/api/media": "/api/media/7"}


@dataclass
class UsedOperation:
    """The names that requests for one operation have used."""

    parameters: set = field(default_factory=set)
    fields: set = field(default_factory=set)


class DescribedServer(BaseAdapter):
    def __init__(self, document):
        super().__init__()
        self.document, self.used = document, {}
        self.operations = {
            (method, path): described
            for name, described in iter_operations(document)
            for method, _, path in [name.partition(" ")]
        }

    def open_session(self):
        session = requests.Session()
        session.mount("http://", self)
        return session

    def send(self, request, **_options):
        path = unquote(urlsplit(request.url).path)
        found = self.find_operation(request.method, path)
        if found is None:
            return build_response(request, 404, {"error": {"code": "NOT_FOUND"}})
        template, described = found
        faults = self.note_use(request, template, described)
        if faults:
            return build_response(
                request, 400, {"error": {"code": "x", "userMessage": str(faults)}}
            )
        is_last_page = "cursor=" in request.url
        return self.answer(request, path, described, is_last_page=is_last_page)

    def find_operation(self, method, path):
        """The operation with the fewest placeholders whose path fits."""
        fitting = [
            template
            for each, template in self.operations
            if each == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
        ]
        if not fitting:
            return None
        template = min(fitting, key=lambda template: template.count("{"))
        return template, self.operations[method, template]

    def note_use(self, request, template, described):
        used = self.used.setdefault(f"{request.method} {template}", UsedOperation())
        parameters = {each["name"]: each for each in described["parameters"]}
        names = set(parse_qs(urlsplit(request.url).query, keep_blank_values=True))
        queried = {name for name, each in parameters.items() if each["in"] == "query"}
        faults = [f"unknown parameter {name}" for name in names - queried]
        used.parameters |= names | {name for name in parameters if name in request.headers}
        schema = described.get("requestBody", {}).get("content", {}).get("application/json", {})
        if schema and request.body:
            body = json.loads(request.body)
            used.fields |= set(body)
            components = {"components": self.document["components"]}
            validator = jsonschema_rs.Draft202012Validator({**schema["schema"], **components})
            faults += [str(error) for error in validator.iter_errors(body)]
        return faults

    def answer(self, request, path, described, *, is_last_page):
        status, success = next(
            (status, each) for status, each in described["responses"].items() if status < "300"
        )
        body = success.get("content", {}).get("application/json", {}).get("example")
        if (
            isinstance(body, dict)
            and isinstance(body.get("data"), dict)
            and "state" in body["data"]
        ):
            body = {**body, "data": {**body["data"], "state": "PUBLISHED"}}
        if isinstance(body, dict):
            body = {**body, **dict.fromkeys(CURSOR_FIELDS, None if is_last_page else "7")}
        headers = {"Location": LOCATIONS.get(path, "/api/posts/7")}
        if "Upload-Offset" in success.get("headers", {}):
            sent = len(request.body.read()) if request.body else 0
            headers["Upload-Offset"] = str(int(request.headers.get("Upload-Offset", 0)) + sent)
        return build_response(request, int(status), body, headers)


def build_response(request, status, body=None, headers=None):
    response = requests.Response()
    response.status_code, response.request, response.url = status, request, request.url
    response.headers = CaseInsensitiveDict(headers or {})
    response.raw = BytesIO(b"" if body is None else json.dumps(body).encode())
    return response
