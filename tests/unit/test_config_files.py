"""Settings that are read from files: NAME_FILE in the place of NAME."""

from core.config.environment import merge_environments
from tests.unit.test_config import (
    CANARY_VALUE,
    REQUIRED_SETTINGS,
    make_settings,
    setting_faults,
)


def test_every_setting_can_be_read_from_a_file(tmp_path):
    file = tmp_path / "key"
    file.write_text(f"{CANARY_VALUE}-from-a-file\n")
    settings = make_settings(SECRET_KEY="", SECRET_KEY_FILE=str(file))
    assert settings.secret_key.reveal() == f"{CANARY_VALUE}-from-a-file"


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path):
    faults = setting_faults(
        {**REQUIRED_SETTINGS, "SECRET_KEY": "", "SECRET_KEY_FILE": str(tmp_path / CANARY_VALUE)}
    )
    assert "SECRET_KEY_FILE" in faults


def test_a_setting_and_its_file_exclude_each_other(tmp_path):
    """Which of the two is meant, nobody can tell: an old value would win unnoticed."""
    file = tmp_path / "key"
    file.write_text(f"{CANARY_VALUE}-from-a-file\n")
    faults = setting_faults({**REQUIRED_SETTINGS, "SECRET_KEY_FILE": str(file)})
    assert faults == {"SECRET_KEY": "excludes SECRET_KEY_FILE: set one of them"}


def test_the_environment_outranks_both_names_of_a_lower_source():
    lower = {"A": "1", "B_FILE": "/b", "C": "3", "D": "4"}
    higher = {"A_FILE": "/a", "B": "2", "C": ""}
    assert merge_environments(lower, higher) == {"A_FILE": "/a", "B": "2", "C": "", "D": "4"}


def test_an_empty_file_is_a_fault_and_a_mark_of_byte_order_is_not(tmp_path):
    file = tmp_path / "key"
    file.write_bytes(b"\r\n")
    environ = {**REQUIRED_SETTINGS, "SECRET_KEY": "", "SECRET_KEY_FILE": str(file)}
    assert setting_faults(environ)["SECRET_KEY_FILE"] == "names a file that is empty"
    file.write_bytes(b"\xef\xbb\xbf" + CANARY_VALUE.encode() + b"-from-a-file\r\n")
    assert make_settings(**environ).secret_key.reveal() == f"{CANARY_VALUE}-from-a-file"
