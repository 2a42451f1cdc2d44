"""Answers whose form is odd and not their fields: status, case, compression, encoding."""

import gzip
import json

import pytest

from platforms.errors import Revoked, Unavailable
from platforms.secret import Secret
from tests.platforms.hostile_server import http_response, set_responses
from tests.platforms.tiktok_responses import flat_response

GRANT = {
    "access_token": "act.new",
    "expires_in": 7200,
    "open_id": "-000A",
    "refresh_expires_in": 15_552_000,
    "refresh_token": "rft.new",
    "scope": "user.info.basic",
}
BODY = json.dumps(GRANT).encode()
CAMEL_CASE = {
    "accessToken": "act.new",
    "expiresIn": "7200",
    "openId": "-000A",
    "RefreshToken": "rft.new",
    "SCOPE": ["user.info.basic"],
}
ODD_ANSWERS = {
    "a mark of the byte order": http_response(200, b"\xef\xbb\xbf" + BODY),
    "a mark and a byte that is no text": http_response(
        200, b'\xef\xbb\xbf{"name": "\xff", ' + BODY[1:]
    ),
    "UTF-16": http_response(200, json.dumps(GRANT).encode("utf-16")),
    "compressed": http_response(200, gzip.compress(BODY)),
    "compressed and said so": http_response(200, gzip.compress(BODY), Content_Encoding="gzip"),
    "called a page": http_response(200, BODY, Content_Type="text/html; charset=latin-1"),
    "created": http_response(201, BODY),
    "an error of the server": http_response(500, BODY),
    "a gateway's error": http_response(503, BODY, Retry_After="99999999999"),
    "too many calls": http_response(429, BODY, Retry_After="-1"),
    "a list in a list": http_response(200, b"[[" + BODY + b"]]"),
    "below data, as text": http_response(200, json.dumps({"data": BODY.decode()}).encode()),
    "in another case": http_response(200, json.dumps(CAMEL_CASE).encode()),
    "with a number of 5000 digits": http_response(200, b'{"x": ' + b"9" * 5000 + b", " + BODY[1:]),
    "with what is no number": http_response(200, b'{"x": [NaN, -Infinity, 1e999], ' + BODY[1:]),
    "with the token twice": http_response(200, b'{"access_token": null, ' + BODY[1:]),
    "with an error that is none": http_response(200, b'{"error": {"code": "ok"}, ' + BODY[1:]),
}


def renew(tiktok):
    return tiktok.flow.renew(access_token=Secret("act.old"), refresh_token=Secret("rft.old"))


@pytest.mark.parametrize("answer", ODD_ANSWERS.values(), ids=ODD_ANSWERS)
def test_new_tokens_are_kept_in_whatever_form_they_come(server, tiktok, answer):
    set_responses(server, answer, flat_response(error="invalid_grant"))

    grant = renew(tiktok)

    assert (grant.access_token, grant.refresh_token) == (Secret("act.new"), Secret("rft.new"))
    assert (grant.login_id, grant.scopes) == ("-000A", ("user.info.basic",))
    assert len(server.requests) == 1, "a spent refresh token was sent again"


@pytest.mark.parametrize(
    "answer",
    [
        http_response(200, b""),
        http_response(204, b""),
        http_response(200, BODY[:40]),
        http_response(200, gzip.compress(BODY)[:30]),
        http_response(200, gzip.compress(b" " * 50_000_000 + BODY)),
        http_response(200, b"<html>Are you a robot?</html>", Content_Type="text/html"),
        http_response(301, b"", Location="https://example.org/"),
        http_response(200, b'{"access_token": "\xc3\xa9"}'),
        http_response(200, b"[" * 9000),
    ],
    ids=range(9),
)
def test_an_answer_without_tokens_is_the_platforms_fault_and_says_nothing(server, tiktok, answer):
    set_responses(server, answer)
    with pytest.raises(Unavailable) as caught:
        renew(tiktok)
    assert caught.value.retryable
    assert len(server.requests) == 1


def test_an_ended_grant_is_recognised_in_the_form_of_data_calls_too(server, tiktok):
    error = {"code": "invalid_grant", "message": "Refresh token is expired", "log_id": 7}
    set_responses(server, http_response(400, json.dumps({"data": {}, "error": error}).encode()))
    with pytest.raises(Revoked) as caught:
        renew(tiktok)
    assert caught.value.log_id == "7"


def test_a_revocation_may_be_answered_without_content(server, tiktok):
    set_responses(server, b"HTTP/1.1 204 No Content\r\n\r\n")
    tiktok.flow.revoke(Secret("act.canary"))
    assert len(server.requests) == 1
