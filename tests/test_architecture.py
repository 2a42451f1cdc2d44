"""The rules of the architecture and of naming hold, and each of them is able to fail."""

import subprocess

import pytest

from tests import architecture_rules
from tests.architecture_rules import (
    LONG_FILES,
    PACKAGES,
    ROOT,
    RULES,
    TEST_RULES,
    SourceFile,
)
from tests.naming_rules import (
    NAMING_RULES,
    PROJECT_PACKAGES,
    document_findings,
    repeated_class_names,
)

BROKEN = {
    "tasks_are_shells": ("tasks/work.py", "@app.task(name='x')\ndef f():\n" + "    a = 1\n" * 6),
    "tasks_take_ids": ("tasks/work.py", "@app.task\ndef advance(post): ..."),
    "one_place_commits": ("core/publishing/__init__.py", "def f(session):\n    session.commit()"),
    "one_place_reads_the_environment": (
        "app/http/auth.py",
        "import os\nurl = os.environ['DATABASE_URL']",
    ),
    "one_place_has_a_clock": ("core/publishing/__init__.py", "moment = datetime.datetime.now(UTC)"),
    "one_place_has_randomness": ("core/backoff.py", "from random import random"),
    "the_broker_is_no_timer": ("tasks/wake.py", "advance.apply_async(countdown=5)"),
    "only_the_runner_claims": (
        "core/publishing/__init__.py",
        "JOB_TYPE.queue.claim(session, limit=1)",
    ),
    "network_and_database_stay_apart": (
        "core/publishing/step_engine.py",
        "def execute(job, session): ...",
    ),
    "no_file_is_named_after_a_role": ("core/helpers.py", ""),
    "files_stay_short": ("core/publishing/__init__.py", "pass\n" * 401),
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
    "the clock that was handed in": ("core/a.py", "at = services.now()"),
    "a duration": ("core/a.py", "started_at = time.monotonic()"),
    "our own retry": ("app/api/posts.py", "posts.retry(post_id)"),
    "a reason beside an exception": ("core/a.py", "x = 1  # noqa: F841 - shown in the log"),
    "the one task with a payload": ("tasks/a.py", "@app.task\ndef enqueue_post(**payload): ..."),
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


def find_conflict_marks(folder, *options):
    """Lines of text files that git writes where two changes of the same lines meet."""
    command = ["git", "grep", *options, "-I", "-n", "-E", r"^(<{7}|[|]{7}|>{7})( |$)"]
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert found.returncode in {0, 1}, found.stderr
    return found.stdout.splitlines()


def test_no_file_has_marks_of_a_conflict():
    assert find_conflict_marks(ROOT, "--untracked") == []


@pytest.mark.parametrize("mark", ["<" * 7 + " HEAD", "|" * 7 + " 0a1b2c3", ">" * 7 + " the change"])
def test_a_mark_of_a_conflict_is_found(mark, tmp_path):
    (tmp_path / "alerts.yml").write_text(f"groups:\n{mark}\n")
    (tmp_path / "page.md").write_text("Title\n=======\n")
    (line,) = find_conflict_marks(tmp_path, "--no-index")
    assert line.startswith("alerts.yml:2:")


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


def test_long_files_that_are_allowed_exist_are_long_and_have_a_decision():
    for path, decision in LONG_FILES.items():
        assert (ROOT / decision).is_file()
        assert (ROOT / path).read_text().count("\n") > architecture_rules.MAX_FILE_LINES


BROKEN_NAMES = {
    "names_avoid_banned_words": ("core/a.py", "def load_world(): ..."),
    "functions_name_verb_and_object": ("core/a.py", "def apply(): ..."),
    "functions_are_no_participles": ("core/a.py", "class A:\n    def stored(self): ..."),
    "imports_keep_names": ("core/a.py", "from db.posts import posts as rows"),
    "texts_avoid_banned_words": ("core/a.py", 'raise ValueError("the house answered 503")'),
}

PLAIN_NAMES = {
    "a command is named like what people type": "@group.command()\ndef retry(): ...",
    "a property may be an adjective": "class A:\n    @property\n    def leased(self): ...",
    "cryptography's own word": "key_ring = KeyRing()",
    "a dead letter": "count = 0  # dead letters",
    "code in a docstring": '"""`bell` is gone: see decision 0022."""',
    "words of which a banned one is a part": "handler = handshake = pending_earliest = None",
}


@pytest.mark.parametrize("rule", NAMING_RULES, ids=lambda rule: rule.__name__)
def test_names_and_texts_keep(rule):
    sources = architecture_rules.load_sources(*PROJECT_PACKAGES)
    exempt = ("tests/naming_rules.py", "tests/test_architecture.py")
    assert find_faults(rule, [each for each in sources if each.path not in exempt]) == []


@pytest.mark.parametrize("rule", NAMING_RULES, ids=lambda rule: rule.__name__)
def test_each_naming_rule_can_fail(rule):
    assert list(rule(SourceFile(*BROKEN_NAMES[rule.__name__])))


@pytest.mark.parametrize("text", PLAIN_NAMES.values(), ids=PLAIN_NAMES)
def test_plain_names_are_let_through(text):
    source = SourceFile("core/a.py", text)
    assert [rule.__name__ for rule in NAMING_RULES if list(rule(source))] == []


def test_no_class_name_stands_twice():
    assert repeated_class_names(architecture_rules.load_sources(*PROJECT_PACKAGES)) == []
    twice = [SourceFile("core/a.py", "class Job: ..."), SourceFile("core/b.py", "class Job: ...")]
    assert repeated_class_names(twice) == ["Job"]


def test_documents_and_pages_avoid_banned_words():
    assert document_findings() == []


def find_faults(rule, sources):
    return [f"{source.path}: {fault}" for source in sources for fault in rule(source)]
