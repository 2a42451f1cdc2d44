"""`dev.py` and the Makefile offer the same commands, and the help lists them."""

import re
import sys
from pathlib import Path

import pytest

import dev

MAKEFILE = (Path(__file__).parents[2] / "Makefile").read_text()


def run_main(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["dev.py", *arguments])
    return dev.main()


def test_make_has_every_command_of_dev_py():
    (phony,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert set(phony.split()) == {*dev.DEV_TASKS, "help"}


def test_bare_make_prints_the_help():
    first_target = re.search(r"^(\w+)[\w ]*:", MAKEFILE, re.MULTILINE)
    assert first_target[1] == "help"


@pytest.mark.parametrize("arguments", [(), ("help",), ("-h",), ("--help",)])
def test_the_help_lists_every_command(monkeypatch, capsys, arguments):
    assert run_main(monkeypatch, *arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    for name in [*dev.DEV_TASKS, "help"]:
        assert [line for line in lines if line.startswith(f"  {name} ")], name


def test_an_unknown_command_fails_with_a_hint(monkeypatch, capsys):
    assert run_main(monkeypatch, "deploy") == 1
    assert "`python3 dev.py` lists all commands" in capsys.readouterr().err


def test_the_project_is_installed_again_only_when_its_packages_change(monkeypatch, tmp_path):
    installations = []
    monkeypatch.setattr(dev, "ROOT", tmp_path)
    monkeypatch.setattr(dev, "PROJECT_STAMP_FILE", tmp_path / "stamp")
    monkeypatch.setattr(dev, "run_pip", lambda *words: installations.append(words) or "")
    for content, count in (("a", 1), ("a", 1), ("b", 2)):
        (tmp_path / "pyproject.toml").write_text(content)
        assert dev.install_project() == ""
        assert len(installations) == count


def test_a_failed_installation_is_tried_again(monkeypatch, tmp_path):
    monkeypatch.setattr(dev, "ROOT", tmp_path)
    monkeypatch.setattr(dev, "PROJECT_STAMP_FILE", tmp_path / "stamp")
    (tmp_path / "pyproject.toml").write_text("a")
    for error in ("no room", "no room", ""):
        monkeypatch.setattr(dev, "run_pip", lambda *_, error=error: error)
        assert dev.install_project() == error
