"""Passwords that are guessed first are refused, and others are not."""

import gzip
import hashlib

import pytest

from core.breached_passwords import is_breached
from core.errors import ServiceUnavailable
from core.identity import passwords
from core.identity.passwords import GuessablePassword
from core.identity.weak_passwords import COMMON_PASSWORDS_FILE
from db.providers import PROVIDERS
from platforms.secret import Secret

EMAIL = "eve.miller@bakery.example"


def check(text):
    passwords.check_password_strength(Secret(text), email=EMAIL)


def test_the_list_holds_at_least_three_thousand_of_the_length_that_is_demanded():
    entries = gzip.decompress(COMMON_PASSWORDS_FILE.read_bytes()).decode().split()
    fitting = {each for each in entries if len(each) >= passwords.MIN_PASSWORD_LENGTH}
    assert len(fitting) > 3000
    assert all(each == each.casefold() for each in entries)


@pytest.mark.parametrize("text", ["1234567890", "qwertyuiop", "PassWord123", "Development"])
def test_a_common_password_is_refused_in_any_case(text):
    with pytest.raises(GuessablePassword) as caught:
        check(text)
    assert text not in str(caught.value)
    with pytest.raises(GuessablePassword):
        passwords.hash_password(Secret(text))


@pytest.mark.parametrize(
    "text",
    [
        "signalpost",
        "Signalpost-2026!",
        f"{PROVIDERS[0]}+{PROVIDERS[1]}",
        EMAIL,
        "Miller.2026.eve",
        "bakery-bakery-1",
    ],
)
def test_a_password_made_of_known_names_is_refused(text):
    with pytest.raises(GuessablePassword):
        check(text)


@pytest.mark.parametrize(
    "text",
    [
        "correct horse battery",
        "signalpost is my lighthouse",
        "8372-9911-0047",
        "password123 and one more word",
        "x" * 1024,
    ],
)
def test_what_has_more_in_it_is_taken(text):
    check(text)


BREACHED = [f"breached-password-{number}" for number in range(200)]


@pytest.fixture
def breached_file(tmp_path):
    """A file in the form of Have I Been Pwned's."""
    digests = sorted(hashlib.sha1(text.encode()).hexdigest().upper() for text in BREACHED)  # noqa: S324 - the form of the file
    file = tmp_path / "pwned-passwords.txt"
    file.write_bytes(b"".join(f"{each}:{len(each)}\r\n".encode() for each in digests))
    return file


def test_every_password_of_the_file_is_refused_and_no_other(breached_file):
    for text in BREACHED:
        with pytest.raises(GuessablePassword, match="known from a breach"):
            passwords.hash_password(Secret(text), breached=breached_file)
    found = [number for number in range(500) if is_breached(f"other-{number}", breached_file)]
    assert found == []


@pytest.mark.parametrize("content", ["", "\n", "no hash", "F" * 40])
def test_a_file_of_another_form_finds_nothing_and_ends(tmp_path, content):
    file = tmp_path / "file"
    file.write_text(content)
    assert not is_breached("breached-password-1", file)


def test_without_the_file_a_password_cannot_be_set(tmp_path):
    with pytest.raises(ServiceUnavailable, match="BREACHED_PASSWORDS"):
        passwords.hash_password(Secret("breached-password-1"), breached=tmp_path / "missing")
