"""Answers as TikTok writes them, to put into a script, and a look at what was asked."""

import json

from tests.platforms.hostile import answer


def ok(**data):
    body = {"data": data, "error": {"code": "ok", "message": "", "log_id": "2026"}}
    return answer(200, json.dumps(body).encode())


def refuses(status, code, message=""):
    error = {"code": code, "message": message, "log_id": "2026"}
    return answer(status, json.dumps({"error": error}).encode())


def flat(status=200, **body):
    return answer(status, json.dumps(body).encode())


def the_request(server):
    (path, body), head = server.seen[-1], server.heads[-1]
    return path, head, body
