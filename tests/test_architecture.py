"""The house rules hold; and each of them is able to fail."""

from statistics import median

import pytest

from tests import architecture_rules
from tests.architecture_rules import (
    LONG_FILES,
    MAX_MEDIAN_LINES,
    PACKAGES,
    ROOT,
    RULES,
    TEST_RULES,
    SourceFile,
)

BROKEN = {
    "tasks_are_shells": ("tasks/posts.py", "@app.task(name='x')\ndef f():\n" + "    a = 1\n" * 6),
    "tasks_take_ids": ("tasks/posts.py", "@app.task\ndef advance(post): ..."),
    "one_place_commits": ("core/publishing/__init__.py", "def f(session):\n    session.commit()"),
    "one_place_reads_the_environment": (
        "app/auth.py",
        "import os\nurl = os.environ['DATABASE_URL']",
    ),
    "one_place_has_a_clock": ("core/publishing/__init__.py", "moment = datetime.datetime.now(UTC)"),
    "one_place_has_randomness": ("core/backoff.py", "from random import random"),
    "the_broker_is_no_timer": ("tasks/notifier.py", "advance.apply_async(countdown=5)"),
    "only_the_runner_claims": ("core/publishing/__init__.py", "WORK.queue.claim(session, limit=1)"),
    "network_and_database_stay_apart": (
        "core/publishing/steps/upload_chunks.py",
        "def perform(job, session, world): ...",
    ),
    "no_file_is_named_after_a_role": ("core/helpers.py", ""),
    "files_stay_short": ("core/publishing/__init__.py", "pass\n" * 251),
    "functions_stay_short": ("core/publishing/__init__.py", "def f():\n" + "    pass\n" * 40),
    "modules_have_docstrings": ("core/publishing/__init__.py", "import os"),
    "exceptions_give_reasons": ("core/publishing/__init__.py", "import os  # noqa: F401"),
    "no_todo_comments": ("core/publishing/__init__.py", "# TODO: the rest"),
    "errors_are_not_swallowed": ("core/a.py", "try:\n    f()\nexcept Exception:\n    pass"),
    "no_mocks": ("tests/unit/test_a.py", "from unittest.mock import patch"),
}

HARMLESS = {
    "a word in a docstring": ("core/a.py", '"""Never commit(), no os.environ, no eta=."""'),
    "the database's clock": ("db/a.py", "at = func.now()"),
    "the clock that was handed in": ("core/a.py", "at = world.now()"),
    "a duration": ("core/a.py", "began = time.monotonic()"),
    "our own word for trying again": ("app/posts.py", "posts.retry(post_id)"),
    "a reason beside an exception": ("core/a.py", "x = 1  # noqa: F841 - shown in the log"),
    "an ear for other services": ("tasks/a.py", "@app.task\ndef enqueue_post(**payload): ..."),
}
DOCSTRING_RULE = architecture_rules.modules_have_docstrings


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_packages_keep(rule):
    assert find_faults(rule, architecture_rules.load_sources(*PACKAGES)) == []


@pytest.mark.parametrize("rule", TEST_RULES, ids=lambda rule: rule.__name__)
def test_the_tests_keep(rule):
    assert find_faults(rule, architecture_rules.load_sources("tests")) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_each_rule_can_fail(rule):
    assert list(rule(SourceFile(*BROKEN[rule.__name__])))


@pytest.mark.parametrize(("path", "text"), HARMLESS.values(), ids=HARMLESS)
def test_what_only_looks_like_it_is_let_through(path, text):
    assert [
        rule.__name__
        for rule in RULES
        if rule is not DOCSTRING_RULE and list(rule(SourceFile(path, text)))
    ] == []


def test_there_is_exactly_one_commit_one_environment_and_one_clock():
    places = {source.path: source for source in architecture_rules.load_sources(*PACKAGES)}
    commits = [
        call
        for call in places["db/session.py"].calls
        if architecture_rules.called_name(call) == "commit"
    ]
    assert len(commits) == 1
    assert places["core/config/settings.py"].text.count("os.environ") == 1
    assert places["core/bootstrap.py"].text.count("datetime.now(") == 1


def test_files_are_short_as_a_rule():
    lengths = [source.text.count("\n") for source in architecture_rules.load_sources(*PACKAGES)]
    assert median(length for length in lengths if length >= 5) <= MAX_MEDIAN_LINES


def test_long_files_that_are_allowed_exist_and_are_long():
    for path, reason in LONG_FILES.items():
        assert reason
        assert (ROOT / path).read_text().count("\n") > architecture_rules.MAX_FILE_LINES


def find_faults(rule, sources):
    return [f"{source.path}: {fault}" for source in sources for fault in rule(source)]
