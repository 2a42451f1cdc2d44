"""Rules of the architecture that import contracts cannot express.

Each is a function from one source file to its findings. They read syntax trees, not text: a word
in a docstring is no call. Rules for names and texts are in `tests/naming_rules.py`.
"""

import ast
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from io import StringIO
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[1]
PACKAGES = ("app", "tasks", "core", "platforms", "db", "local", "migrations", "clients")

LONG_FILES = {
    "clients/python/signalpost_client/data_types.py": (
        "docs/decisions/0049-the-client-is-written-and-its-types-are-generated.md"
    ),
}
"""Path of a file above the limit to the decision in `docs/decisions` that allows it."""

MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_TASK_STATEMENTS = 400, 40, 5
ROLE_NAMES = {"util", "helper", "service", "manager", "model", "common", "misc", "base_classes"}

MAY_READ_ENVIRONMENT = ("local/", "dev.py", "platforms/sandbox/__main__.py")
"""They start processes, or are one: they pass the environment on."""

HAS_OWN_CLOCK = ("platforms/sandbox/", "local/", "clients/", "dev.py")
"""They have their own clock: the sandbox simulates the platforms, `local` watches processes, the
client runs elsewhere.
"""


@dataclass(frozen=True)
class SourceFile:
    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def comments(self) -> list[str]:
        return [text for _, text in self.numbered_comments]

    @cached_property
    def numbered_comments(self) -> list[tuple[int, str]]:
        if "#" not in self.text:
            return []
        tokens = tokenize.generate_tokens(StringIO(self.text).readline)
        return [(each.start[0], each.string) for each in tokens if each.type == tokenize.COMMENT]

    @cached_property
    def nodes_by_kind(self) -> dict[type[ast.AST], list[ast.AST]]:
        """All nodes of the tree by their class: every rule asks, so the tree is walked once."""
        nodes: dict[type[ast.AST], list[ast.AST]] = {}
        for node in ast.walk(self.tree):
            nodes.setdefault(type(node), []).append(node)
        return nodes

    def find_nodes(self, *kinds):
        return (node for kind in kinds for node in self.nodes_by_kind.get(kind, ()))

    @property
    def calls(self) -> Iterator[ast.Call]:
        return self.find_nodes(ast.Call)

    @property
    def functions(self):
        return self.find_nodes(ast.FunctionDef, ast.AsyncFunctionDef)

    def is_within(self, *places: str) -> bool:
        return self.path.startswith(places)


@cache
def load_sources(*packages: str) -> list[SourceFile]:
    files = [file for package in packages for file in sorted((ROOT / package).rglob("*.py"))]
    files += [ROOT / "dev.py"] if packages == PACKAGES else []
    return [load_source(file) for file in files]


@cache
def load_source(file: Path) -> SourceFile:
    return SourceFile(file.relative_to(ROOT).as_posix(), file.read_text())


def called_name(call: ast.Call) -> str:
    """The last word of what is called: `commit` for `session.commit()`."""
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def expression_text(node: ast.expr) -> str:
    return ast.unparse(node)


def tasks_are_shells(source: SourceFile) -> Iterator[str]:
    for function in find_celery_tasks(source):
        body = function.body[1:] if ast.get_docstring(function) else function.body
        count = sum(isinstance(node, ast.stmt) for part in body for node in ast.walk(part))
        if count > MAX_TASK_STATEMENTS:
            yield f"task {function.name} has {count} statements, {MAX_TASK_STATEMENTS} are enough"


def tasks_take_ids(source: SourceFile) -> Iterator[str]:
    """`enqueue_post` alone has a payload, from other services, and stores it before all else."""
    for function in find_celery_tasks(source):
        parameters = [each.arg for each in function.args.args if each.arg != "self"]
        payload = function.args.kwarg and function.name != "enqueue_post"
        if payload or function.args.vararg or any(not name.endswith("_id") for name in parameters):
            yield f"task {function.name} takes more than ids"


def find_celery_tasks(source: SourceFile):
    if not source.is_within("tasks/"):
        return
    for function in source.functions:
        if any(
            re.search(r"\.task\b|shared_task", expression_text(each))
            for each in function.decorator_list
        ):
            yield function


def one_place_commits(source: SourceFile) -> Iterator[str]:
    if source.path != "db/session.py":
        yield from (
            f"line {call.lineno} commits" for call in source.calls if called_name(call) == "commit"
        )


def one_place_reads_the_environment(source: SourceFile) -> Iterator[str]:
    if source.path == "core/config/settings.py" or source.is_within(*MAY_READ_ENVIRONMENT):
        return
    for node in source.find_nodes(ast.Attribute):
        if expression_text(node) in {"os.environ", "os.environb", "os.getenv", "os.putenv"}:
            yield f"line {node.lineno} reads the environment"
    for node in source.find_nodes(ast.ImportFrom):
        if node.module == "os" and {each.name for each in node.names} & {"environ", "getenv"}:
            yield f"line {node.lineno} imports the environment"


def one_place_has_a_clock(source: SourceFile) -> Iterator[str]:
    """Measuring durations with `time.monotonic` is allowed; due times use the database's clock."""
    if source.path == "core/bootstrap.py" or source.is_within(*HAS_OWN_CLOCK):
        return
    for call in source.calls:
        if re.fullmatch(
            r"(datetime\.)*(datetime|date)\.(now|utcnow|today)|time\.time",
            expression_text(call.func),
        ):
            yield f"line {call.lineno} reads the clock"


def one_place_has_randomness(source: SourceFile) -> Iterator[str]:
    """`platforms.http` has its own, for the jitter of milliseconds between two attempts."""
    if source.path in {"core/bootstrap.py", "platforms/http/__init__.py"} or source.is_within(
        *HAS_OWN_CLOCK
    ):
        return
    for node in source.find_nodes(ast.Import, ast.ImportFrom):
        names = [each.name for each in node.names] + [getattr(node, "module", "")]
        if "random" in names:
            yield f"line {node.lineno} imports random"


def the_broker_is_no_timer(source: SourceFile) -> Iterator[str]:
    for call in source.calls:
        if {each.arg for each in call.keywords} & {"eta", "countdown"}:
            yield f"line {call.lineno} gives the broker a due time"
        if expression_text(call.func) == "self.retry" or (
            source.is_within("tasks/") and called_name(call) == "retry"
        ):
            yield f"line {call.lineno} lets Celery retry"
    for node in source.find_nodes(ast.ImportFrom):
        if node.module == "celery" and {each.name for each in node.names} & {
            "chord",
            "chain",
            "group",
        }:
            yield f"line {node.lineno} builds a workflow in the broker"


CLAIM_CALLERS = {
    "queue.claim": "core/jobs/job_type.py",
    "queue.lock_leased": "core/jobs/job_type.py",
    "queue.claim_copies": "core/jobs/job_type.py",
    ".claim_rows": "core/jobs/runner.py",
    ".lock_for_record": "core/jobs/recorder.py",
    ".lock_unfinished": "core/jobs/recorder.py",
}
"""End of a call that claims or locks leased rows, to the only file that may make it."""


def only_the_runner_claims(source: SourceFile) -> Iterator[str]:
    for call in source.calls:
        for name, path in CLAIM_CALLERS.items():
            if expression_text(call.func).endswith(name) and source.path != path:
                yield f"line {call.lineno} calls {name}"


def network_and_database_stay_apart(source: SourceFile) -> Iterator[str]:
    """`execute` gets services and no session, `prepare` and `record` a session and no services."""
    unwanted = {
        "execute": {"session", "database"},
        "record": {"services"},
        "record_many": {"services"},
        "prepare": {"services"},
    }
    if not source.is_within("core/") or source.path == "core/jobs/runner.py":
        return
    for function in source.functions:
        parameters = {each.arg for each in function.args.args + function.args.kwonlyargs}
        if parameters & unwanted.get(function.name, set()):
            yield f"{function.name} takes {', '.join(parameters & unwanted[function.name])}"


def no_file_is_named_after_a_role(source: SourceFile) -> Iterator[str]:
    stem = PurePosixPath(source.path).stem.lower()
    if stem.rstrip("s") in ROLE_NAMES or stem in ROLE_NAMES:
        yield f"{stem} is a role: such files have no place to be cut, so they grow"


def files_stay_short(source: SourceFile) -> Iterator[str]:
    count = source.text.count("\n")
    if count > MAX_FILE_LINES and source.path not in LONG_FILES:
        yield f"{count} lines, {MAX_FILE_LINES} are the limit"


def functions_stay_short(source: SourceFile) -> Iterator[str]:
    """Migrations are left out: they are lists of tables and columns."""
    if source.is_within("migrations/versions/"):
        return
    for function in source.functions:
        count = (function.end_lineno or 0) - function.lineno + 1
        if count > MAX_FUNCTION_LINES:
            yield f"{function.name} has {count} lines, {MAX_FUNCTION_LINES} are the limit"


def modules_have_docstrings(source: SourceFile) -> Iterator[str]:
    if source.text.strip() and not ast.get_docstring(source.tree):
        yield "the module has no docstring"


TODO_MARK = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
EXCEPTION_COMMENT = re.compile(r"(?:noqa|type:\s*ignore|pragma|nosec)(.*)$")
REASON_TEXT = re.compile(r"\s[-#]\s*\S+")


def exceptions_give_reasons(source: SourceFile) -> Iterator[str]:
    for comment in source.comments:
        match = EXCEPTION_COMMENT.search(comment)
        if match and not REASON_TEXT.search(match[1]):
            yield f"an exception without a reason: {comment}"


def no_todo_comments(source: SourceFile) -> Iterator[str]:
    for comment in source.comments:
        if TODO_MARK.search(comment):
            yield f"open work belongs into an issue: {comment}"


def errors_are_not_swallowed(source: SourceFile) -> Iterator[str]:
    broad = {"", "Exception", "BaseException"}
    for handler in source.find_nodes(ast.ExceptHandler):
        caught = expression_text(handler.type) if handler.type else ""
        silent = all(isinstance(each, ast.Pass | ast.Continue) for each in handler.body)
        if caught in broad and silent:
            yield f"line {handler.lineno} swallows every error"


def no_mocks(source: SourceFile) -> Iterator[str]:
    for node in source.find_nodes(ast.Import, ast.ImportFrom):
        names = [each.name for each in node.names] + [getattr(node, "module", None) or ""]
        if any(re.search(r"\bmock\b|pytest_mock", name) for name in names):
            yield f"line {node.lineno} mocks"


RULES = (
    tasks_are_shells,
    tasks_take_ids,
    one_place_commits,
    one_place_reads_the_environment,
    one_place_has_a_clock,
    one_place_has_randomness,
    the_broker_is_no_timer,
    only_the_runner_claims,
    network_and_database_stay_apart,
    no_file_is_named_after_a_role,
    files_stay_short,
    functions_stay_short,
    modules_have_docstrings,
    exceptions_give_reasons,
    no_todo_comments,
    errors_are_not_swallowed,
    no_mocks,
)

TEST_RULES = (no_mocks, no_todo_comments, files_stay_short)
