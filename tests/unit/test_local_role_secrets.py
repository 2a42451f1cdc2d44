"""`python -m local.role_secrets` gives each role a file with its secrets."""

import stat

import pytest
from click.testing import CliRunner

from local.role_secrets import main

SETTINGS = """\
# a comment
DATABASE_URL=postgresql://app:p%40ss@db/signalpost
BROKER_URL='redis://:quoted@redis/0'
CRON_SECRET=an-older-name
TIKTOK_WEBHOOK_SECRET=
PUBLIC_URL=https://post.example
SECRET_KEY_FILE=/run/secrets/secret_key
"""


@pytest.fixture
def write_secrets(tmp_path):
    def write(text):
        settings_file = tmp_path / "all.env"
        settings_file.write_text(text)
        return CliRunner().invoke(main, [str(settings_file), str(tmp_path / "secrets")])

    return write


def test_each_role_gets_its_secrets(write_secrets, tmp_path):
    result = write_secrets(SETTINGS)
    assert result.exit_code == 0, result.output
    files = {path.stem: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert files["beat"] == "BROKER_URL=redis://:quoted@redis/0\n"
    assert files["migrate"] == "DATABASE_URL=postgresql://app:p%40ss@db/signalpost\n"
    assert files["worker"] == files["uploads"] == files["beat"] + files["migrate"]
    assert "CRON_SECRET=an-older-name\n" in files["web"]


def test_the_files_are_for_their_owner_and_replace_older_ones(write_secrets, tmp_path):
    write_secrets(SETTINGS)
    write_secrets("BROKER_URL=redis://new/0\n")
    paths = list((tmp_path / "secrets").iterdir())
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    assert {path.read_text() for path in paths} == {"BROKER_URL=redis://new/0\n", ""}


def test_settings_that_are_no_secrets_are_named_and_no_secret_is_printed(write_secrets):
    output = write_secrets(SETTINGS).output
    assert "kustomization.yaml: PUBLIC_URL, SECRET_KEY_FILE" in output
    assert "quoted" not in output


def test_a_secret_of_several_lines_is_refused(write_secrets, tmp_path):
    result = write_secrets('JWT_SECRET="first\nsecond"\n')
    assert result.exit_code == 1
    assert "JWT_SECRET has more than one line" in result.output
    assert not (tmp_path / "secrets").exists()
