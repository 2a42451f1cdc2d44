"""The house rules that import contracts cannot say, each a function from one source to its faults.

They read syntax trees, not text: a word in a docstring is no call.
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
PACKAGES = ("app", "tasks", "core", "platforms", "db", "local", "migrations")

LONG_FILES: dict[str, str] = {}
"""Path to reason: files that may pass the budget."""

LINES, FUNCTION, STATEMENTS = 250, 40, 5
TEST_LINES = 400  # a test file is a list of sentences: nobody reads it from end to end
MEDIAN = 90  # of the lines per file; 60 to 80 is what we aim at
ROLES = {"util", "helper", "service", "manager", "model", "common", "misc", "base_classes"}

OUTSIDE = ("local/", "dev.py", "platforms/sandbox/__main__.py")
"""Starts processes, or is one of its own: has to do with the environment itself."""

SANDBOX = ("platforms/sandbox/", "local/", "dev.py")
"""Has a clock of its own: the sandbox plays the platforms, `local` watches processes."""


@dataclass(frozen=True)
class Source:
    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def comments(self) -> list[str]:
        tokens = tokenize.generate_tokens(StringIO(self.text).readline)
        return [each.string for each in tokens if each.type == tokenize.COMMENT]

    def find(self, *kinds):
        return (node for node in ast.walk(self.tree) if isinstance(node, kinds))

    @property
    def calls(self) -> Iterator[ast.Call]:
        return self.find(ast.Call)

    @property
    def functions(self):
        return self.find(ast.FunctionDef, ast.AsyncFunctionDef)

    def within(self, *places: str) -> bool:
        return self.path.startswith(places)


@cache
def sources(*packages: str) -> list[Source]:
    files = [file for package in packages for file in sorted((ROOT / package).rglob("*.py"))]
    files += [ROOT / "dev.py"] if packages == PACKAGES else []
    return [Source(file.relative_to(ROOT).as_posix(), file.read_text()) for file in files]


def name_of(call: ast.Call) -> str:
    """The last word of what is called: `commit` for `session.commit()`."""
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def words(node: ast.expr) -> str:
    return ast.unparse(node)


def tasks_are_shells(source: Source) -> Iterator[str]:
    for function in celery_tasks(source):
        body = function.body[1:] if ast.get_docstring(function) else function.body
        count = sum(isinstance(node, ast.stmt) for part in body for node in ast.walk(part))
        if count > STATEMENTS:
            yield f"task {function.name} has {count} statements, {STATEMENTS} are enough"


def tasks_take_ids(source: Source) -> Iterator[str]:
    """`enqueue_post` is an ear, not a bell: its payload is stored before anything else."""
    for function in celery_tasks(source):
        taken = [each.arg for each in function.args.args if each.arg != "self"]
        payload = function.args.kwarg and function.name != "enqueue_post"
        if payload or function.args.vararg or any(not name.endswith("_id") for name in taken):
            yield f"task {function.name} takes more than ids"


def celery_tasks(source: Source):
    if not source.within("tasks/"):
        return
    for function in source.functions:
        if any(re.search(r"\.task\b|shared_task", words(each)) for each in function.decorator_list):
            yield function


def one_place_commits(source: Source) -> Iterator[str]:
    if source.path != "db/session.py":
        yield from (
            f"line {call.lineno} commits" for call in source.calls if name_of(call) == "commit"
        )


def one_place_reads_the_environment(source: Source) -> Iterator[str]:
    if source.path == "core/config/settings.py" or source.within(*OUTSIDE):
        return
    for node in source.find(ast.Attribute):
        if words(node) in {"os.environ", "os.environb", "os.getenv", "os.putenv"}:
            yield f"line {node.lineno} reads the environment"
    for node in source.find(ast.ImportFrom):
        if node.module == "os" and {each.name for each in node.names} & {"environ", "getenv"}:
            yield f"line {node.lineno} imports the environment"


def one_place_has_a_clock(source: Source) -> Iterator[str]:
    """Durations are anybody's (`time.monotonic`), and the database has a clock of its own."""
    if source.path == "core/wiring.py" or source.within(*SANDBOX):
        return
    for call in source.calls:
        if re.fullmatch(
            r"(datetime\.)*(datetime|date)\.(now|utcnow|today)|time\.time", words(call.func)
        ):
            yield f"line {call.lineno} asks the clock"


def one_place_has_dice(source: Source) -> Iterator[str]:
    """The door has its own: a pause of milliseconds between two tries is nobody else's matter."""
    if source.path in {"core/wiring.py", "platforms/http/__init__.py"} or source.within(*SANDBOX):
        return
    for node in source.find(ast.Import, ast.ImportFrom):
        names = [each.name for each in node.names] + [getattr(node, "module", "")]
        if "random" in names:
            yield f"line {node.lineno} brings its own dice"


def the_broker_is_no_timer(source: Source) -> Iterator[str]:
    for call in source.calls:
        if {each.arg for each in call.keywords} & {"eta", "countdown"}:
            yield f"line {call.lineno} gives the broker a time"
        if words(call.func) == "self.retry" or (
            source.within("tasks/") and name_of(call) == "retry"
        ):
            yield f"line {call.lineno} lets Celery retry"
    for node in source.find(ast.ImportFrom):
        if node.module == "celery" and {each.name for each in node.names} & {
            "chord",
            "chain",
            "group",
        }:
            yield f"line {node.lineno} builds a workflow in the broker"


def only_the_engine_claims(source: Source) -> Iterator[str]:
    for call in source.calls:
        if words(call.func).endswith("queue.claim") and source.path != "core/engine/work.py":
            yield f"line {call.lineno} claims"
        if words(call.func).endswith("queue.held") and source.path != "core/engine/record.py":
            yield f"line {call.lineno} takes what is leased"


def network_and_database_stay_apart(source: Source) -> Iterator[str]:
    """`perform` has the world and no session, `record` the session and no world."""
    unwanted = {"perform": {"session", "database"}, "record": {"world"}, "brief": {"world"}}
    if not source.within("core/") or source.path == "core/engine/work.py":
        return
    for function in source.functions:
        taken = {each.arg for each in function.args.args + function.args.kwonlyargs}
        if taken & unwanted.get(function.name, set()):
            yield f"{function.name} takes {', '.join(taken & unwanted[function.name])}"


def no_file_is_named_after_a_role(source: Source) -> Iterator[str]:
    stem = PurePosixPath(source.path).stem.lower()
    if stem.rstrip("s") in ROLES or stem in ROLES:
        yield f"{stem} is a role: such files have no place to be cut, so they grow"


def files_stay_short(source: Source) -> Iterator[str]:
    count, limit = source.text.count("\n"), TEST_LINES if source.within("tests/") else LINES
    if count > limit and source.path not in LONG_FILES:
        yield f"{count} lines, {limit} are the limit"


def functions_stay_short(source: Source) -> Iterator[str]:
    """Migrations apart: one table after the other is a list, not a thought."""
    if source.within("migrations/versions/"):
        return
    for function in source.functions:
        count = (function.end_lineno or 0) - function.lineno + 1
        if count > FUNCTION:
            yield f"{function.name} has {count} lines, {FUNCTION} are the limit"


def modules_say_what_for(source: Source) -> Iterator[str]:
    if source.text.strip() and not ast.get_docstring(source.tree):
        yield "no docstring says what it is for"


MARK = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
SPOKEN = re.compile(r"(?:noqa|type:\s*ignore|pragma|nosec)(.*)$")
REASON = re.compile(r"\s[-#]\s*\S+")


def exceptions_give_reasons(source: Source) -> Iterator[str]:
    for comment in source.comments:
        spoken = SPOKEN.search(comment)
        if spoken and not REASON.search(spoken[1]):
            yield f"an exception without a reason: {comment}"


def nothing_is_left_to_do(source: Source) -> Iterator[str]:
    for comment in source.comments:
        if MARK.search(comment):
            yield f"no place to keep work: {comment}"


def errors_are_not_swallowed(source: Source) -> Iterator[str]:
    broad = {"", "Exception", "BaseException"}
    for handler in source.find(ast.ExceptHandler):
        caught = words(handler.type) if handler.type else ""
        silent = all(isinstance(each, ast.Pass | ast.Continue) for each in handler.body)
        if caught in broad and silent:
            yield f"line {handler.lineno} swallows whatever went wrong"


def fakes_stand_at_the_wire(source: Source) -> Iterator[str]:
    for node in source.find(ast.Import, ast.ImportFrom):
        names = [each.name for each in node.names] + [getattr(node, "module", None) or ""]
        if any(re.search(r"\bmock\b|pytest_mock", name) for name in names):
            yield f"line {node.lineno} mocks"


RULES = (
    tasks_are_shells,
    tasks_take_ids,
    one_place_commits,
    one_place_reads_the_environment,
    one_place_has_a_clock,
    one_place_has_dice,
    the_broker_is_no_timer,
    only_the_engine_claims,
    network_and_database_stay_apart,
    no_file_is_named_after_a_role,
    files_stay_short,
    functions_stay_short,
    modules_say_what_for,
    exceptions_give_reasons,
    nothing_is_left_to_do,
    errors_are_not_swallowed,
    fakes_stand_at_the_wire,
)

RULES_OF_TESTS = (fakes_stand_at_the_wire, nothing_is_left_to_do, files_stay_short)
