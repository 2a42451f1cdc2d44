"""Every adapter reads its sandbox's answers in whatever shape they come, at every endpoint.

Each odd shape of the sandbox is sent for each call; what the adapter returns has to be the same as
from the documented shape. The calls are in the platforms' profiles.
"""

import contextlib
import re
from pathlib import Path

import pytest

import platforms
from platforms.errors import PlatformError
from platforms.sandbox.instagram.endpoints import ENDPOINT_NAMES
from platforms.sandbox.tiktok.endpoints import ENDPOINTS

GENERAL_SHAPES = (
    "numbers_as_text",
    "numbers_as_floats",
    "flags_as_text",
    "flags_as_numbers",
    "lists_as_values",
    "nested_json",
)
FIELD_SHAPES = {
    "values_as_lists",
    "commas_as_blanks",
    "missing_fields",
    "renamed_fields",
    "other_values",
}
NETWORK_FAULTS = {
    *("http_500", "http_429", "html_200", "html_502", "drop_before", "drop_after", "hang", "slow"),
    *("truncate", "truncated_json", "reset", "drip", "graph_error"),
}
SANDBOX_ENDPOINTS = {
    "tiktok": {endpoint.name for endpoint in ENDPOINTS.values()},
    "instagram": set(ENDPOINT_NAMES),
}
LITERAL = re.compile(r'"([a-z_]+)"')
ODD_VALUES = (None, [], {}, "x")


def inject_shape(sandbox, endpoint, kind, **fields):
    options = {"fields": fields} if fields else {}
    sandbox.control("faults", endpoint=endpoint, kind=kind, **options)


def prepare_account(sandbox, call):
    """Return a new account, whose token can be renewed, and what the call needs."""
    account = sandbox.connect_account()
    sandbox.advance_clock(sandbox.profile.renewal_age)
    return account, call.prepare(account)


def test_every_odd_shape_of_the_sandbox_is_tried(contract_sandbox):
    kinds = set(contract_sandbox.control("faults")["kinds"]) - NETWORK_FAULTS
    assert kinds == {*GENERAL_SHAPES, *FIELD_SHAPES}


def test_every_endpoint_that_an_adapter_names_has_a_call_here(contract_sandbox):
    profile = contract_sandbox.profile
    folder = Path(platforms.__file__).parent / profile.platform
    words = {word for path in folder.glob("*.py") for word in LITERAL.findall(path.read_text())}
    named = words & SANDBOX_ENDPOINTS[profile.platform]
    assert len(named) > 5
    assert named - set(profile.shape_calls) - profile.other_endpoints == set()
    assert set(profile.shape_calls) <= named


@pytest.mark.parametrize("shape", GENERAL_SHAPES)
def test_an_answer_means_the_same_in_every_shape(contract_sandbox, shape):
    for endpoint, call in contract_sandbox.profile.shape_calls.items():
        account, prepared = prepare_account(contract_sandbox, call)
        expected = call.run(account, prepared)
        prepared = call.prepare(account) if call.is_spent else prepared
        contract_sandbox.advance_clock(contract_sandbox.profile.renewal_age)
        inject_shape(contract_sandbox, endpoint, shape)
        assert call.run(account, prepared) == expected, endpoint
        assert shape in {entry.get("fault") for entry in contract_sandbox.log(endpoint)}, endpoint
        contract_sandbox.control("faults", method="DELETE")


@pytest.mark.parametrize("value", ODD_VALUES, ids=repr)
def test_whatever_an_answer_lacks_only_our_own_errors_leave_an_adapter(contract_sandbox, value):
    """Every known field of the answer has the same odd value."""
    profile = contract_sandbox.profile
    for endpoint, call in profile.shape_calls.items():
        account, prepared = prepare_account(contract_sandbox, call)
        fields = dict.fromkeys(profile.answer_fields, value)
        inject_shape(contract_sandbox, endpoint, "other_values", **fields)
        with contextlib.suppress(PlatformError, AssertionError):  # what it says is tested above
            call.run(account, prepared)
        assert contract_sandbox.log(endpoint), endpoint
        contract_sandbox.control("faults", method="DELETE")
