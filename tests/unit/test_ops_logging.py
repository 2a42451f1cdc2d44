"""Log lines: their form, and that no secret is in them, wherever it was logged."""

import base64
import io
import json
import logging
import warnings
from contextlib import contextmanager
from urllib.parse import quote

import pytest
import structlog

from core.config.settings import Settings
from core.observability import telemetry
from core.observability.redact import Redactor
from platforms.secret import Secret

CANARY_SETTINGS = {
    "DATABASE_URL": "postgresql://app:c4n4ry-database@127.0.0.1/app",
    "BROKER_URL": "redis://:c4n4ry-broker%2F1@127.0.0.1/0",
    "SECRET_KEY": 'c4n4ry-"secret"-clé-key',
    "WORKER_SECRET": "c4n4ry-worker",
    "FLOWER_BASIC_AUTH": "ops:c4n4ry-flower",
    "TIKTOK_CLIENT_KEY": "sbaw",
    "TIKTOK_CLIENT_SECRET": "c4n4ry-client",
    "TIKTOK_REDIRECT_URI": "http://localhost/cb",
    "TIKTOK_WEBHOOK_SECRET": "c4n4ry-hook-new,c4n4ry-hook-old",
    "JWT_SECRET": "c4n4ry-shared",
    "JWT_ISSUER": "i",
    "JWT_AUDIENCE": "a",
}
CANARY_KEY = base64.b64encode(b"c4n4ry" + bytes(26)).decode()
CANARY_CONFIG = Settings.from_env({**CANARY_SETTINGS, "TOKEN_ENCRYPTION_KEY": CANARY_KEY})
ENCRYPTED_CANARY = "v1.1.c4n4ryAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAA==:c4n4ryAA"

KNOWN_SECRETS = [secret.reveal() for secret in telemetry.iter_secrets(CANARY_CONFIG)] + [
    "c4n4ry-database"
]
SECRET_LOOKALIKES = [
    "Bearer c4n4ry0123456789",
    "act.c4n4ry0123!4567*8",
    "rft.c4n4ry01234567",
    "sp_abcd1234_c4n4ry0123456789",
    "EAAc4n4ry0123456789abcdef",
    "eyJc4n4ry.eyJc4n4ry.c4n4ry",
    "amqp://guest:c4n4ry@host//",
    "https://up.example/video?upload_token=c4n4ry&id=1",
    "GET /cb?code=c4n4ry*1&state=c4n4ry HTTP/1.1",
    "c4n4ry.person@example.org",
    ENCRYPTED_CANARY,
]


@contextmanager
def capture_logs(stream, form="json"):
    """Log to this stream as in production, and restore the configuration afterwards."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    settings = Settings.from_env(
        {**CANARY_SETTINGS, "TOKEN_ENCRYPTION_KEY": CANARY_KEY, "LOG_FORMAT": form}
    )
    telemetry.configure_logging(settings, stream=stream)
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        root.handlers[:], root.level = before
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()


@pytest.fixture(params=["json", "text"])
def log_format(request):
    return request.param


@pytest.fixture
def log_output(log_format):
    stream = io.StringIO()
    with capture_logs(stream, log_format):
        yield stream


@pytest.fixture
def log_lines():
    stream = io.StringIO()
    with capture_logs(stream):
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def spellings_of(secret):
    """The forms in which a secret can appear in a line."""
    yield from (secret, quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1])


@pytest.mark.parametrize("secret", KNOWN_SECRETS)
def test_no_spelling_of_a_known_secret_is_logged(log_output, secret):
    for text in (secret, " ".join(spellings_of(secret))):
        logged = log_everywhere(text, log_output)
        for spelling in spellings_of(secret):
            assert spelling not in logged


@pytest.mark.parametrize("secret", SECRET_LOOKALIKES)
def test_nothing_that_looks_like_a_secret_is_logged(log_output, secret):
    assert "c4n4ry" not in log_everywhere(secret, log_output)


def log_everywhere(secret, output):
    """Log a secret in every place of a line, with our loggers and those of libraries."""
    log = structlog.get_logger("core.somewhere")
    log.info("text %s", secret, note=secret, deep={"inner": [secret, {"token": secret}]})
    log.warning("fields", access_token=secret, Authorization=secret, upload_url=secret)
    for name in ("celery", "_granian", "flask.app", "sqlalchemy.engine", "some.package"):
        logging.getLogger(name).error("text %s in %r", secret, {"at": secret})
    try:
        raise_error(RuntimeError(secret))
    except RuntimeError:
        log.exception("failed")
        logging.getLogger("celery.worker").exception("failed too")
    assert output.getvalue().count("failed too") >= 1
    return output.getvalue()


def raise_error(error):
    raise error


def test_handlers_of_libraries_are_removed():
    library_output = io.StringIO()
    library = logging.getLogger("granian.access")
    library.addHandler(logging.StreamHandler(library_output))
    library.propagate = False
    output = io.StringIO()
    with capture_logs(output):
        library.info("GET /cb?code=c4n4ry")
    assert library_output.getvalue() == ""
    assert "GET /cb?***" in output.getvalue()


def test_a_line_has_time_logger_and_correlation_id(log_lines):
    telemetry.bind_correlation_id("request-0001")
    structlog.get_logger("core.publishing").info("post.started", post=42, seconds=0.25)
    (line,) = log_lines()
    assert list(line)[:5] == ["time", "level", "logger", "message", "correlation_id"]
    assert (line["level"], line["logger"]) == ("info", "core.publishing")
    assert (line["message"], line["post"], line["seconds"]) == ("post.started", 42, 0.25)
    assert line["correlation_id"] == "request-0001"


def test_lines_of_libraries_have_the_same_form(log_lines):
    telemetry.bind_correlation_id("request-0002")
    logging.getLogger("some.package").warning("careful with %s", "files")
    (line,) = log_lines()
    assert (line["message"], line["logger"]) == ("careful with files", "some.package")
    assert line["correlation_id"] == "request-0002"


def test_an_error_is_logged_with_type_frames_and_first_line_only(log_lines):
    try:
        raise_error(ValueError("first line\nDETAIL: c4n4ry"))
    except ValueError:
        structlog.get_logger("core.publishing").exception("failed")
    (line,) = log_lines()
    assert (line["exception"], line["exception_text"]) == ("ValueError", "first line")
    assert line["frames"][-1].endswith(" raise_error")


def test_warnings_are_logged_too(log_lines):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old habit", stacklevel=1)
    assert any("old habit" in line["message"] for line in log_lines())


def test_lines_below_the_level_are_dropped(log_lines):
    structlog.get_logger("core").debug("too much")
    logging.getLogger("kombu").info("too much")
    assert log_lines() == []


@pytest.mark.parametrize(
    "requested_id", ["short", "x" * 129, "with blank in it", "nöt-ascii-id", "", None]
)
def test_a_malformed_correlation_id_is_replaced(requested_id):
    bound_id = telemetry.bind_correlation_id(requested_id)
    assert bound_id != requested_id
    assert telemetry.current_correlation_id() == bound_id
    assert telemetry.CORRELATION_ID_PATTERN.fullmatch(bound_id)


def test_harmless_text_stays_readable():
    redactor = Redactor([Secret("c4n4ry")])
    plain = 'post 42 went to https://open.tiktokapis.com/v2/post/ in 0.3 s, "ok"? yes'
    assert redactor.redact_text(plain) == plain
    assert redactor.redact_fields({"token_version": 3, "kind": "posts"}) == {
        "token_version": 3,
        "kind": "posts",
    }


def test_short_secrets_are_not_masked():
    assert Redactor([Secret("a"), Secret("")]).redact_text("a banana") == "a banana"


def test_base64_keys_are_masked_in_every_spelling():
    key = base64.b64encode(b"\xfb\xff" * 16).decode()
    redactor = Redactor([Secret(key)])
    assert key not in redactor.redact_text(f"{key} {quote(key, safe='')}")
    assert quote(key, safe="") not in redactor.redact_text(quote(key, safe=""))


HOSTILE_TEXTS = {
    "line feed": "\n05:30:00 info    forged",
    "carriage return": "\rforged",
    "terminal sequence": "\x1b[31mred\x1b]0;title\x07",
    "8-bit terminal sequence": "\x9b31mred",
    "next line": "\x85forged",
    "line separator": "\u2028forged",
    "paragraph separator": "\u2029forged",
    "direction override": "\u202egnp.exe\u2066",
    "delete": "abc\x7f\x7f\x7f",
    "half a surrogate": "\ud83d",
    "tag": "\U000e0041",
}


@pytest.mark.parametrize("name", HOSTILE_TEXTS)
def test_no_text_can_end_a_line_or_change_what_it_looks_like(log_output, name):
    text = HOSTILE_TEXTS[name]
    log = structlog.get_logger("core.somewhere")
    log.info("message %s", text, path=text, deep={"inner": [text]}, **{f"key{text}": 1})
    logging.getLogger("library").warning("library %s", text)
    written = log_output.getvalue()
    lines = written.split("\n")
    assert len(lines) == 3
    assert lines[-1] == ""
    assert all(line.isprintable() for line in lines)
    assert "forged" in written or "forged" not in text  # escaped, not dropped


def test_in_json_an_escaped_text_is_still_the_same_text(log_lines):
    for text in HOSTILE_TEXTS.values():
        structlog.get_logger("core.somewhere").info("request", path=text)
    assert [line["path"] for line in log_lines()] == [*HOSTILE_TEXTS.values()]


def test_in_text_form_a_value_cannot_look_like_another_field():
    stream = io.StringIO()
    with capture_logs(stream, "text"):
        structlog.get_logger("core.somewhere").info(
            "request", path="/x status=200 user=1", status=404
        )
    assert 'path="/x status=200 user=1" status=404' in stream.getvalue()
