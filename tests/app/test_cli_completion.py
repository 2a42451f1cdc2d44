"""Completion of commands in the shells themselves."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM_FOLDER = Path(sys.executable).parent
BASH_CHECK = """
eval "$(signalpost completion bash)"
complete_line() {
  COMP_WORDS=(signalpost $1); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()
  _signalpost_completion signalpost
  printf '%s\\n' "${COMPREPLY[@]}"
}
"""
# zsh completes only at a terminal: what the script gives to zsh's own functions is printed.
ZSH_CHECK = """
compdef() { : }
_describe() { print -l -- ${(P)3} }
compadd() { print -l -- ${(P)${@[-1]}} }
eval "$(signalpost completion zsh)"
complete_line() {
  words=(signalpost ${=1}); CURRENT=${#words}
  _signalpost_completion || true
}
"""
FISH_CHECK = """
signalpost completion fish | source
function complete_line; complete --do-complete "signalpost $argv[1]"; end
"""
LINES = {"use": "users", "posts retry --conf": "--confirm"}
"""What is typed, and its only completion."""

CHECKS = {
    "bash": ("bash --norc -c", BASH_CHECK),
    "zsh": ("zsh -f -c", ZSH_CHECK),
    "fish": ("fish --no-config -c", FISH_CHECK),
}


@pytest.mark.parametrize("shell", CHECKS)
def test_commands_and_options_are_completed_in_a_shell(shell, tmp_path):
    require_shell(shell)
    command, script = CHECKS[shell]
    script += "\n".join(f"complete_line '{line}'" for line in LINES)
    process = subprocess.run(
        [*command.split(), script],
        env={"PATH": f"{PROGRAM_FOLDER}:{os.environ['PATH']}", "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (process.returncode, process.stderr) == (0, "")
    completions = [re.split(r"[:\t]", line)[0] for line in process.stdout.splitlines()]
    assert completions == list(LINES.values())


def require_shell(shell):
    """Skip the test without the shell, except in CI."""
    if shutil.which(shell) is None:
        if os.environ.get("CI"):
            pytest.fail(f"{shell} must be installed in CI")
        pytest.skip(f"{shell} is not installed (apt-get install {shell})")
