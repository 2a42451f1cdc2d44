"""Completion of commands in the shells themselves."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM_FOLDER = Path(sys.executable).parent
BASH_CHECK = """
eval "$(signalpost completion bash)"
COMP_WORDS=(signalpost {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_signalpost_completion signalpost
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
# zsh completes only at a terminal: what the script gives to zsh's own functions is printed.
ZSH_CHECK = """
compdef() {{ : }}
_describe() {{ print -l -- ${{(P)3}} }}
compadd() {{ print -l -- ${{(P)${{@[-1]}}}} }}
eval "$(signalpost completion zsh)"
words=(signalpost {words}); CURRENT=${{#words}}
_signalpost_completion || true
"""
FISH_CHECK = "signalpost completion fish | source; complete --do-complete 'signalpost {words}'"
CHECKS = {
    "bash": ("bash --norc -c", BASH_CHECK),
    "zsh": ("zsh -f -c", ZSH_CHECK),
    "fish": ("fish --no-config -c", FISH_CHECK),
}


@pytest.fixture(params=CHECKS)
def complete_words(request, tmp_path):
    """Returns the completions of a shell for the words after `signalpost`."""
    shell = request.param
    if shutil.which(shell) is None:
        if os.environ.get("CI"):
            pytest.fail(f"{shell} must be installed in CI")
        pytest.skip(f"{shell} is not installed (apt-get install {shell})")
    command, script = CHECKS[shell]

    def complete(words):
        process = subprocess.run(
            [*command.split(), script.format(words=words)],
            env={"PATH": f"{PROGRAM_FOLDER}:{os.environ['PATH']}", "HOME": str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert process.returncode == 0, process.stderr
        assert process.stderr == ""
        return [line.partition(":")[0].split("\t")[0] for line in process.stdout.splitlines()]

    return complete


def test_commands_and_options_are_completed_in_a_shell(complete_words):
    assert complete_words("use") == ["users"]
    assert complete_words("posts retry --conf") == ["--confirm"]
