"""No input makes an internal error: hostile values in every place of a request to every route."""

import json
import re
from dataclasses import dataclass, field

import pytest
from flask.testing import FlaskClient
from pydantic import BaseModel
from werkzeug.datastructures import Headers

from core.scopes import SCOPES

HOSTILE_TIMES = (
    *("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "0001-01-01"),
    *("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-23:59", "9999-12-31"),
    *("0000-00-00", "2026-02-30", "2026-03-29T02:30", "2026-01-01T24:00:00Z", "10000-01-01"),
    *("-1", "0", "1e400", "253402300800", "99999999999999999999", "1969-12-31T23:59:59Z"),
)
HOSTILE_TEXTS = (
    *("", " ", "\x00", "a\x00b", "\ud800", "\udfff x", "\u202e", "\u200b", "\ufeff"),
    *(
        "\U0001d54f" * 300,
        "e" + "\u0301" * 300,
        "x" * 30_000,
        "../../etc/passwd",
        "%00",
        "%s%n{0}{{7*7}}",
    ),
    *("٣", "²", "1_000", "0x10", "+1", "1.0", "9" * 400, "-9223372036854775809", "NaN"),
    *("'; DROP TABLE users; --", "https://[::1", "https://a:99999999/", "http://\x7f/", "//", "\\"),
)
HOSTILE_VALUES = (
    *(None, True, [], {}, [[]], [{}], {"": None}, {"\x00": 1}, {"a": {"b": "\ud800"}}),
    *(0, -1, 2**31, 2**63, 2**64, 10**400, -(2**63) - 1, 0.1, 1e308, -0.0),
    *(["\x00"], ["x"] * 200, [1] * 200, {"x": "y"}),
    *HOSTILE_TEXTS,
    *HOSTILE_TIMES,
)
HEADER_VALUES = {
    "Idempotency-Key": ("\u00e9", "x" * 5000, " ", "a,b"),
    "Range": ("bytes=9-1", "bytes=-", "bytes=0-99999999999999999999", "lines=1", "bytes=²-"),
    "If-Modified-Since": ("x", "Thu, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 -2359"),
    "If-None-Match": ('"', "W/", "x" * 5000),
    "Accept-Language": ("*;q=x", "fr;q=1e400", "\u00e9", "," * 500),
    "Authorization": (
        "Bearer",
        "Bearer ",
        "Bearer \u00e9",
        "Basic =",
        "Bearer sp_\u00b2_x",
        "\u00e9",
    ),
    "Cookie": ("signalpost_session=\u00e9", "=;=", "a" * 5000, "signalpost_csrf=.eJ"),
    "Content-Type": ("application/json; charset=utf-7", "application/json;charset=x", "é", ";"),
    "Content-Encoding": ("gzip", "x"),
    "Prefer": ("respond-async, wait=x", "\u00e9"),
    "Upload-Offset": ("²", "9" * 30, "-1"),
    "Upload-Length": ("²", "9" * 18, "-1", "1e5"),
    "Upload-Metadata": ("filename", "filename é", "filename " + "gA==", "a b,c d", "filename AAA="),
    "X-Forwarded-For": ("unknown", "[", "é", "," * 100),
    "X-Forwarded-Proto": ("é", ","),
    "X-Forwarded-Host": ("[", "é", "a" * 5000, "a:b"),
    "Host": ("[", "é", "a:99999999", "a b", "xn--\u00b2"),
    "X-Request-Id": ("é" * 9, "\x7f" * 9),
    "User-Agent": ("é" * 1000,),
}
HOSTILE_HEADERS = [(name, value) for name, values in HEADER_VALUES.items() for value in values]
HOSTILE_BODIES = (
    b"\xff\xfe{}",
    b"\xef\xbb\xbf{}",
    b'{"a":' * 5000 + b"1" + b"}" * 5000,
    b"[" * 60_000,
    b'{"email":"\\ud800","password":"\\udfff"}',
    b'{"email":"a","email":"b"}',
    b'{"a":1e999}',
    b'{"a":' + b"9" * 5000 + b"}",
    b"{",
    b'"text"',
    b"null",
    b"\x00",
)
SAFE_METHODS = ("GET", "HEAD")
KNOWN_REFUSALS = {"CONFIG_MISSING", "oauth_not_configured", "webhook_not_configured"}
FEW, MANY = 2, 12  # values per place: in every run, and in the long form
AMOUNTS = [FEW, pytest.param(MANY, marks=pytest.mark.chaos)]
QUERY_NAMES = ("cursor", "limit", "from", "to", "q", "next", "state", "account")
UNLIMITED = {
    f"RATE_LIMIT_{name}": "1000000/1m" for name in ("USER", "ANONYMOUS", "LOGIN", "OAUTH", "PAGES")
}

pytestmark = pytest.mark.timeout(900)


@dataclass
class HostileClient:
    """Sends requests with a key that may do everything, and notes every internal error.

    The number of the requests is above the shipped limits.
    """

    client: FlaskClient
    key: str
    faults: list[str] = field(default_factory=list)

    def send(self, method, path, *, headers=(), **options):
        all_headers = Headers({"Authorization": self.key, **dict(headers)})
        response = self.client.open(path, method=method, headers=all_headers, **options)
        if is_internal_error(response):
            self.faults.append(f"{method} {path:.200} {headers!s:.200} {options!s:.300}")

    def send_json(self, method, path, data):
        self.send(method, path, data=data, content_type="application/json")

    @property
    def routes(self):
        """(rule, method, view), each unsafe method too."""
        app = self.client.application
        for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
            for method in sorted(rule.methods - {"OPTIONS", "HEAD"}):
                yield rule, method, app.view_functions[rule.endpoint]


class RotatingValues:
    """Gives each place other values, so that all of them are tried, and the same in every run."""

    def __init__(self, *values):
        self.values, self.start = values, 0

    def take(self, count):
        taken = [self.values[(self.start + index) % len(self.values)] for index in range(count)]
        self.start += count
        return taken


@pytest.fixture
def hostile_client(app_factory, make_user, make_api_key):
    app = app_factory.create_app(**UNLIMITED, TRUSTED_PROXY_COUNT="1")
    key = make_api_key(make_user("root@example.org", is_admin=True), *SCOPES)
    return HostileClient(app.test_client(), f"Bearer {key}")


def is_internal_error(response):
    if response.status_code < 500:
        return False
    text = response.get_data(as_text=True)
    if not text.startswith("{"):
        return True
    code = json.loads(text).get("error", {}).get("code")  # the status of the installation has none
    return code is not None and code not in KNOWN_REFUSALS


def build_path(rule, value=None):
    """The path of a route, with this value, or a plausible one, in each of its places."""
    path = rule.rule
    for name, converter in rule._converters.items():
        filled = value or next(iter(getattr(converter, "items", ["1"])))
        start, _, rest = re.split(rf"(<(?:[^<>]*:)?{name}>)", path)
        path = start + filled + rest
    return path


def escape_query(value):
    """Percent-encode a value as a hostile client does, half of a surrogate pair included."""
    return "".join(f"%{byte:02X}" for byte in str(value).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("amount", AMOUNTS)
def test_hostile_values_in_queries_make_no_internal_error(hostile_client, amount):
    values = RotatingValues(*HOSTILE_TIMES, *HOSTILE_TEXTS)
    for rule, method, view in hostile_client.routes:
        model = getattr(view, "query_model", None)
        names = list_fields(model) if model else QUERY_NAMES[:amount]
        for name in names if method == "GET" else names[:1]:
            for value in values.take(amount * (2 if model else 1)):
                hostile_client.send(method, f"{build_path(rule)}?{name}={escape_query(value)}")
    assert hostile_client.faults == []


@pytest.mark.parametrize("amount", AMOUNTS)
def test_hostile_values_in_paths_make_no_internal_error(hostile_client, amount):
    values = RotatingValues(*HOSTILE_TEXTS, *HOSTILE_TIMES)
    for rule, method, _view in hostile_client.routes:
        for value in values.take(amount) if rule.arguments else ():
            hostile_client.send(method, build_path(rule, escape_query(value)))
    assert hostile_client.faults == []


@pytest.mark.parametrize("amount", AMOUNTS)
def test_hostile_values_in_fields_of_bodies_make_no_internal_error(hostile_client, amount):
    values = RotatingValues(*HOSTILE_TIMES, *HOSTILE_VALUES)
    for rule, method, view in hostile_client.routes:
        model = getattr(view, "body_model", None)
        for name in list_fields(model) if model else ():
            is_time = "date" in json.dumps(model.model_json_schema()["properties"].get(name, {}))
            own_values = HOSTILE_TIMES if is_time else values.take(2 * amount)
            for value in own_values:
                body = {**plausible_fields(model), name: value}
                hostile_client.send_json(method, build_path(rule), json.dumps(body))
    assert hostile_client.faults == []


def list_fields(model: type[BaseModel]):
    return [definition.alias or name for name, definition in model.model_fields.items()]


def plausible_fields(model):
    """Values with which the other fields get as far as possible."""
    plausible = {
        "platform": "tiktok",
        "text": "a title",
        "title": "a title",
        "media": [{"url": "https://videos.example.com/1.mp4"}],
        "video_url": "https://videos.example.com/1.mp4",
        "email": "a@example.org",
        "password": "wrong",
        "name": "a name",
        "scopes": ["posts:read"],
        "url": "https://hooks.example.org/",
        "events": ["*"],
    }
    return {name: value for name, value in plausible.items() if name in list_fields(model)}


@pytest.mark.parametrize("amount", AMOUNTS)
def test_bodies_that_are_hardly_json_make_no_internal_error(hostile_client, amount):
    values = RotatingValues(*HOSTILE_BODIES)
    for rule, method, view in hostile_client.routes:
        for body in values.take(amount) if hasattr(view, "body_model") else ():
            hostile_client.send_json(method, build_path(rule), body)
    assert hostile_client.faults == []


@pytest.mark.parametrize("amount", AMOUNTS)
def test_hostile_headers_make_no_internal_error(hostile_client, amount):
    values = RotatingValues(*HOSTILE_HEADERS)
    for rule, method, _view in hostile_client.routes:
        for name, value in values.take(2 * amount):
            headers = {name: value.encode().decode("latin-1")}
            if method not in SAFE_METHODS:
                headers |= {"Tus-Resumable": "1.0.0"}
            hostile_client.send(method, build_path(rule), headers=headers)
    assert hostile_client.faults == []


@pytest.mark.parametrize("amount", AMOUNTS)
def test_hostile_forms_make_no_internal_error(hostile_client, amount):
    values = RotatingValues(*HOSTILE_TEXTS, *HOSTILE_TIMES)
    names = ("email", "password", "next", "csrf_token", "name", "scopes", "url", "code")
    for rule, method, _view in hostile_client.routes:
        for value in values.take(amount) if method == "POST" else ():
            hostile_client.send(
                method,
                build_path(rule),
                data="&".join(f"{name}={escape_query(value)}" for name in names),
                content_type="application/x-www-form-urlencoded",
            )
    assert hostile_client.faults == []
