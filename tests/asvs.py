"""The answers to OWASP ASVS 5.0, level 2: read, compared with the tree, written as a page.

python -m tests.asvs      writes docs/security/asvs.md anew
"""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
ANSWERS_FILE = ROOT / "docs" / "security" / "asvs.toml"
PAGE = ROOT / "docs" / "security" / "asvs.md"
IDS_FILE = ROOT / "tests" / "asvs_ids.txt"
STATES = {
    "met": "met",
    "n/a": "not applicable",
    "operator": "the operator's",
    "open": "open",
}
"""What is the operator's is decided outside of this software: the answer says what it offers for
it, and a document says what to do.
"""
CHAPTERS = {
    "V1": "Encoding and sanitization",
    "V2": "Validation and business logic",
    "V3": "Web frontend",
    "V4": "API and web service",
    "V5": "File handling",
    "V6": "Authentication",
    "V7": "Session management",
    "V8": "Authorization",
    "V9": "Self-contained tokens",
    "V10": "OAuth and OpenID Connect",
    "V11": "Cryptography",
    "V12": "Secure communication",
    "V13": "Configuration",
    "V14": "Data protection",
    "V15": "Secure coding and architecture",
    "V16": "Logging and error handling",
    "V17": "WebRTC",
}
INTRODUCTION = """# OWASP ASVS 5.0, level 2

Written by `python -m tests.asvs` from [asvs.toml](asvs.toml). `make check` compares it with the
tree (`tests/test_asvs.py`): every id of levels 1 and 2 is answered, and every file and test that
is named exists. The requirements themselves stand in
[OWASP's standard](https://github.com/OWASP/ASVS/tree/v5.0.0/5.0) (CC BY-SA 4.0); the answers are
ours. What is open is not done; some of it is decided, and the answer says why. What is the
operator's cannot be done by this software: the answer names what it offers, and the document that
says what to do.

"""


class AsvsAnswer(NamedTuple):
    """What we say to one requirement. `proof`: files, or tests as `file::name`."""

    state: str
    answer: str
    proof: tuple[str, ...] = ()


def read_ids() -> dict[str, str]:
    """Return the ids of the standard, each with its level."""
    lines = IDS_FILE.read_text(encoding="utf-8").splitlines()
    return dict(line.split() for line in lines if not line.startswith("#"))


def read_answers() -> dict[str, AsvsAnswer]:
    raw = tomllib.loads(ANSWERS_FILE.read_text(encoding="utf-8"))
    return {
        name: AsvsAnswer(entry["state"], entry["answer"], tuple(entry.get("proof", ())))
        for name, entry in raw.items()
    }


def find_faults(answers: dict[str, AsvsAnswer]) -> list[str]:
    """Return what is wrong with these answers, a text for each fault."""
    ids = read_ids()
    faults = [f"{name}: has no answer" for name in ids if name not in answers]
    for name, answer in answers.items():
        faults += [f"{name}: {fault}" for fault in find_faults_of_one(answer)]
        if name not in ids:
            faults.append(f"{name}: is no id of level 1 or 2")
    return faults


def find_faults_of_one(answer: AsvsAnswer) -> list[str]:
    faults = [f"{proof} does not exist" for proof in answer.proof if not has_proof(proof)]
    if answer.state not in STATES:
        faults.append(f"{answer.state} is no state")
    if not answer.answer.strip():
        faults.append("says nothing")
    if answer.state in {"met", "operator"} and not answer.proof:
        faults.append(f"is {answer.state} and names neither a test nor a file")
    if answer.state == "operator" and not any(proof.endswith(".md") for proof in answer.proof):
        faults.append("is the operator's and names no document that says what to do")
    return faults


def has_proof(proof: str) -> bool:
    """Whether the file exists, and defines the test if one is named."""
    path, _, test = proof.partition("::")
    if not test:
        return (ROOT / path).is_file()
    return test in defined_tests(path)


@cache
def defined_tests(path: str) -> frozenset[str]:
    file = ROOT / path
    if not file.is_file():
        return frozenset()
    return frozenset(
        re.findall(r"^def (test_\w+)\(", file.read_text(encoding="utf-8"), re.MULTILINE)
    )


def render_page(answers: dict[str, AsvsAnswer]) -> str:
    ids = read_ids()
    parts = [INTRODUCTION, render_summary(answers)]
    for chapter, title in CHAPTERS.items():
        parts.append(f"\n## {chapter} {title}\n\n| Id | Level | State | Answer | Proof |\n")
        parts.append("|---|---|---|---|---|\n")
        names = [name for name in ids if name.partition(".")[0] == chapter]
        parts += [render_row(name, ids[name], answers[name]) for name in names]
    return "".join(parts)


def render_summary(answers: dict[str, AsvsAnswer]) -> str:
    counts = {
        text: sum(answer.state == state for answer in answers.values())
        for state, text in STATES.items()
    }
    figures = ", ".join(f"{count} {text}" for text, count in counts.items())
    names = ", ".join(name for name, answer in answers.items() if answer.state == "open")
    return f"{len(answers)} requirements: {figures}. Open are {names}.\n"


def render_row(name: str, level: str, answer: AsvsAnswer) -> str:
    proofs = "<br>".join(f"`{proof}`" for proof in answer.proof)
    return f"| {name} | {level} | {STATES[answer.state]} | {answer.answer} | {proofs} |\n"


if __name__ == "__main__":
    PAGE.write_text(render_page(read_answers()), encoding="utf-8")
