"""Every error of a platform's tables is answered by its sandbox and becomes our error."""

import pytest

from platforms.errors import PlatformError, Rejected, TokenExpired
from platforms.sandbox.instagram.injected_errors import KNOWN_ERRORS

GRAPH_ERROR = "graph_error"
"""The sandbox's fault that answers with an error of the platform's tables, by its fields."""


def raise_answered_error(account, fields):
    """Let the platform answer with that error, also if the call is repeated; return ours."""
    sandbox = account.sandbox
    sandbox.inject_fault(sandbox.profile.error_endpoint, GRAPH_ERROR, fields=fields, times=0)
    try:
        with pytest.raises(PlatformError) as caught:
            sandbox.profile.error_call(account)
    finally:
        sandbox.control("faults", method="DELETE")
    return caught.value


@pytest.fixture
def table_account(contract_account):
    """An account of a platform whose errors have codes in a table."""
    if not contract_account.sandbox.profile.error_cases:
        pytest.skip("the errors of this platform have a test of their own")
    return contract_account


def test_every_code_of_the_catalogue_is_mapped(table_account):
    for fields, kind, code in table_account.sandbox.profile.error_cases:
        error = raise_answered_error(table_account, fields)
        assert (type(error), error.code) == (kind, code), fields
        assert error.log_id, fields


def test_every_error_that_the_sandbox_knows_is_in_the_catalogue(table_account):
    """The sandbox's tables were written from the platform's pages, and not from the catalogue."""
    known = {
        (fields["code"], fields.get("subcode"))
        for fields, _, _ in table_account.sandbox.profile.error_cases
    }
    reasons = table_account.adapter.failure_reasons
    for code, subcode in KNOWN_ERRORS:
        assert {(code, subcode), (code, None)} & known, (code, subcode)
        fields = {"code": code} if subcode is None else {"code": code, "subcode": subcode}
        assert raise_answered_error(table_account, fields).code in reasons, fields


def test_only_the_code_decides_and_never_the_type_or_the_message(table_account):
    for fields, kind, code in table_account.sandbox.profile.error_cases:
        if issubclass(kind, TokenExpired):
            continue
        said = {**fields, "type": "OAuthException", "message": "Error validating access token: 190"}
        error = raise_answered_error(table_account, said)
        assert not isinstance(error, TokenExpired), (fields, code)


@pytest.mark.parametrize("fields", [{"code": 987_654}, {"code": 100, "subcode": 9_999_999}])
def test_an_error_that_nobody_knows_is_a_refusal_that_disconnects_nobody(table_account, fields):
    error = raise_answered_error(table_account, fields)
    assert isinstance(error, Rejected)
    assert error.code in table_account.adapter.failure_reasons


def test_every_failure_reason_that_an_error_can_have_is_listed(table_account):
    reasons = table_account.adapter.failure_reasons
    codes = {code for _, _, code in table_account.sandbox.profile.error_cases}
    assert codes - set(reasons) == set()
