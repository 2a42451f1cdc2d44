"""Every requirement of OWASP ASVS 5.0, level 2, is answered, and what an answer names exists.

Part of `make check`.
"""

import pytest

from tests import asvs

COUNT = 253  # requirements of levels 1 and 2 in version 5.0.0: 70 and 183


def test_the_list_of_ids_is_whole():
    levels = list(asvs.read_ids().values())
    assert (len(levels), levels.count("1"), levels.count("2")) == (COUNT, 70, 183)


def test_every_requirement_is_answered_with_what_exists():
    assert asvs.find_faults(asvs.read_answers()) == []


def test_the_page_is_written_from_the_answers():
    assert asvs.PAGE.read_text() == asvs.render_page(asvs.read_answers()), "python -m tests.asvs"


PROOF = "tests/test_asvs.py::test_the_list_of_ids_is_whole"


@pytest.mark.parametrize(
    ("name", "answer", "fault"),
    [
        ("V1.1.1", None, "has no answer"),
        ("V1.2.99", asvs.AsvsAnswer("met", "yes", (PROOF,)), "is no id of level 1 or 2"),
        ("V3.6.1", asvs.AsvsAnswer("met", "of level 3", (PROOF,)), "is no id of level 1 or 2"),
        ("V1.1.1", asvs.AsvsAnswer("met", "yes"), "is met and names neither a test nor a file"),
        ("V1.1.1", asvs.AsvsAnswer("n/a", " "), "says nothing"),
        ("V1.1.1", asvs.AsvsAnswer("partly", "hm", (PROOF,)), "partly is no state"),
        ("V1.1.1", asvs.AsvsAnswer("met", "yes", ("app/gone.py",)), "app/gone.py does not exist"),
        ("V1.1.1", asvs.AsvsAnswer("met", "yes", (f"{PROOF}_now",)), f"{PROOF}_now does not exist"),
        ("V1.1.1", asvs.AsvsAnswer("met", "yes", ("gone.py::test_a",)), "gone.py::test_a does not"),
    ],
)
def test_a_gap_is_found(name, answer, fault):
    answers = asvs.read_answers()
    answers.pop(name, None)
    if answer is not None:
        answers[name] = answer
    (found,) = asvs.find_faults(answers)
    assert found.startswith(f"{name}: {fault}")
