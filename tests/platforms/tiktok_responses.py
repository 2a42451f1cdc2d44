"""Responses in TikTok's form for the hostile server, and access to the last request."""

import json

from tests.platforms.hostile_server import http_response


def ok_response(**data):
    body = {"data": data, "error": {"code": "ok", "message": "", "log_id": "2026"}}
    return http_response(200, json.dumps(body).encode())


def error_response(status, code, message=""):
    error = {"code": code, "message": message, "log_id": "2026"}
    return http_response(status, json.dumps({"error": error}).encode())


def flat_response(status=200, **body):
    return http_response(status, json.dumps(body).encode())


def last_request(server):
    (path, body), headers = server.requests[-1], server.request_headers[-1]
    return path, headers, body
