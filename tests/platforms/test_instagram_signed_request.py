"""`signed_request`: every vector, and secrets that are replaced."""

import json
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from platforms.instagram.signed_request import parse_signed_request
from platforms.secret import Secret

VECTOR_FILE = Path(__file__).parents[1] / "vectors/meta_signed_request.json"
VECTORS = next(
    value
    for value in json.loads(VECTOR_FILE.read_text()).values()
    if isinstance(value, list) and isinstance(value[0], dict)
)
OWN_VECTOR = VECTORS[0]


@pytest.mark.parametrize(
    "vector", VECTORS, ids=[f"{each['id']} {each['title']}" for each in VECTORS]
)
def test_every_vector_has_its_verdict(vector):
    result = parse_signed_request(vector["parameter"], [Secret(vector["secret"])])
    assert (result.ok, result.reason) == (vector["expected"] == "valid", vector["reason"])
    if vector["payload"] is not None:
        assert result.payload == vector["payload"]
        user_id = vector["payload"].get("user_id")
        assert result.user_id == (None if user_id is None else str(user_id))


@pytest.mark.parametrize("vector", VECTORS, ids=[each["id"] for each in VECTORS])
def test_the_parameter_is_what_a_form_parser_gives(vector):
    form = parse_qs(vector["raw_body"], keep_blank_values=True)
    assert form.get("signed_request", [None])[0] == vector["parameter"]


def test_any_configured_secret_may_have_signed():
    secrets = [Secret(""), Secret("new"), Secret("test_app_secret")]
    assert parse_signed_request(OWN_VECTOR["parameter"], secrets).ok
    assert not parse_signed_request(OWN_VECTOR["parameter"], secrets[:2]).ok


@pytest.mark.parametrize(
    "parameter", ["." * 9, "A" * 100_000 + ".A", "é.é", "\0.\0", "a" * 43 + "."]
)
def test_hostile_texts_are_malformed(parameter):
    assert parse_signed_request(parameter, [Secret("s")]).reason == "malformed"


def test_the_payload_is_not_printed():
    result = parse_signed_request(OWN_VECTOR["parameter"], [Secret("test_app_secret")])
    assert "algorithm" not in repr(result)
