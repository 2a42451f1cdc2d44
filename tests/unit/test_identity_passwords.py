import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from core.identity import passwords
from core.identity.principals import SCOPES, USER_SCOPES, AuthMethod, Principal, session_scopes
from core.identity.users import EMAIL_PATTERN, hash_token
from platforms.secret import Secret


def test_a_password_fits_its_hash_and_no_other():
    known = passwords.hash_password(Secret("correct horse"))
    assert known.startswith("$argon2id$")
    assert passwords.verify_password(Secret("correct horse"), known)
    assert not passwords.verify_password(Secret("correct horsf"), known)


def test_the_same_password_never_looks_the_same():
    secret = Secret("correct horse")
    assert passwords.hash_password(secret) != passwords.hash_password(secret)


def test_nobodys_hash_takes_as_long_as_anybodys_and_fits_nothing():
    assert not passwords.is_outdated_hash(passwords.DUMMY_PASSWORD_HASH)
    assert not passwords.verify_password(Secret("correct horse"), None)


def test_a_hash_that_is_none_fits_nothing():
    assert not passwords.verify_password(Secret("correct horse"), "plain")


def test_a_hash_of_weaker_parameters_is_detected():
    weaker = passwords.DUMMY_PASSWORD_HASH.replace("t=3", "t=2")
    assert passwords.is_outdated_hash(weaker)


@pytest.mark.parametrize("text", ["", "short", "x" * 9, "x" * 1025])
def test_a_password_of_another_length_is_refused_and_not_quoted(text):
    with pytest.raises(Invalid) as refused:
        passwords.hash_password(Secret(text))
    assert not text or text not in str(refused.value)


def test_an_administrator_has_all_but_the_workers():
    assert set(SCOPES) - session_scopes(is_admin=True) == {"workers:run"}
    assert set(SCOPES) - session_scopes(is_admin=False) == {"workers:run", "admin"}


def test_a_caller_may_what_its_scopes_say():
    caller = Principal(7, AuthMethod.KEY, frozenset({"posts:read"}), "a@example.org", "en")
    assert caller.has_scopes(["posts:read"])
    assert not caller.has_scopes(["posts:read", "posts:write"])
    assert not caller.is_admin
    assert Principal(7, AuthMethod.SESSION, USER_SCOPES | {"admin"}, "a@example.org", "en").is_admin


@given(st.text())
def test_any_cookie_has_a_digest_and_none_is_the_cookie(text):
    assert len(hash_token(text)) == 64
    assert hash_token(text) != text


@pytest.mark.parametrize("text", ["", "a", "@b.c", "a@", "a b@c.d", "a@b@c", "a" * 65 + "@b.c"])
def test_what_is_no_address_is_none(text):
    assert EMAIL_PATTERN.fullmatch(text) is None
