import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from core.people import passwords
from core.people.callers import OF_PEOPLE, SCOPES, By, Caller, scopes_of
from core.people.users import EMAIL, digest
from platforms.secret import Secret


def test_a_password_fits_its_hash_and_no_other():
    known = passwords.hashed(Secret("correct horse"))
    assert known.startswith("$argon2id$")
    assert passwords.fits(Secret("correct horse"), known)
    assert not passwords.fits(Secret("correct horsf"), known)


def test_the_same_password_never_looks_the_same():
    secret = Secret("correct horse")
    assert passwords.hashed(secret) != passwords.hashed(secret)


def test_nobodys_hash_takes_as_long_as_anybodys_and_fits_nothing():
    assert not passwords.is_outdated(passwords.NOBODYS)
    assert not passwords.fits(Secret("correct horse"), None)


def test_a_hash_that_is_none_fits_nothing():
    assert not passwords.fits(Secret("correct horse"), "plain")


def test_a_hash_of_weaker_parameters_is_told():
    weaker = passwords.NOBODYS.replace("t=3", "t=2")
    assert passwords.is_outdated(weaker)


@pytest.mark.parametrize("text", ["", "short", "x" * 9, "x" * 1025])
def test_a_password_of_another_length_is_refused_and_not_quoted(text):
    with pytest.raises(Invalid) as refused:
        passwords.hashed(Secret(text))
    assert not text or text not in str(refused.value)


def test_an_administrator_has_all_but_the_workers():
    assert set(SCOPES) - scopes_of(is_admin=True) == {"workers:run"}
    assert set(SCOPES) - scopes_of(is_admin=False) == {"workers:run", "admin"}


def test_a_caller_may_what_its_scopes_say():
    caller = Caller(7, By.KEY, frozenset({"posts:read"}), "a@example.org", "en")
    assert caller.may(["posts:read"])
    assert not caller.may(["posts:read", "posts:write"])
    assert not caller.is_admin
    assert Caller(7, By.SESSION, OF_PEOPLE | {"admin"}, "a@example.org", "en").is_admin


@given(st.text())
def test_any_cookie_has_a_digest_and_none_is_the_cookie(text):
    assert len(digest(text)) == 64
    assert digest(text) != text


@pytest.mark.parametrize("text", ["", "a", "@b.c", "a@", "a b@c.d", "a@b@c", "a" * 65 + "@b.c"])
def test_what_is_no_address_is_none(text):
    assert EMAIL.fullmatch(text) is None
