"""Rules for names and texts, each a function from one source file to its findings.

Names use the field's words: a function says what it does to what, a predicate begins with `is_`,
a class name stands once. The words of the vocabulary that decision 0022 withdrew may not come back.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from tests.architecture_rules import ROOT, SourceFile

PROJECT_PACKAGES = (
    *("app", "bench", "chaos", "clients", "core", "db", "local", "platforms", "tasks", "tests"),
)
OWN_MODULES = frozenset({*PROJECT_PACKAGES, "signalpost_client"})

BANNED_WORDS = frozenset(
    """
    world worlds house houses bell bells ring rings rang mouth mouths ear ears hears letter letters
    desk desks stint stints glimpse glimpses sighting sightings lapsed stranger strangers guest
    guests weather saboteur saboteurs misfortune misfortunes fates wish wishes told tells asked
    shown happened nameless surfaced estates symptoms census courier manners agenda tenants memo
    dice patience lonely brief briefs briefed sealed unsealed sealing film films
    """.split()  # noqa: SIM905 - a list of words is read best as a text
)
"""Words that may not be part of a name: the machinery has its own words in the field."""

ALLOWED_TERMS = {
    "keyring": "cryptography's own word for an ordered set of keys",
    "deadletter": "the field's own word for an event that is not tried again",
}
"""Terms of the field with a banned word in them, written without underscores."""

BANNED_PHRASES = re.compile(
    r"""
    \b(?:houses?|bells?|rang|mouths?|hears|desks?|stints?|glimpses?|saboteurs?|misfortunes?
    |strangers?|guests?|couriers?|told|lapsed|sealed|unsealed|resealed|dice)\b
    | (?<!dead\ )(?<!dead-)(?<!capital\ )\bletters?\b | \b(?:films?)\b | \bthe\ world\b
    | \bMust\ not\ (?:know|judge|decide)\b | \bwhose\?
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""Words that may not stand in texts: docstrings, comments, messages, pages, documents."""

CODE_SPAN = re.compile(r"```.*?```|`[^`\n]*`|<code>.*?</code>", re.DOTALL)

ALLOWED_ONE_WORD_FUNCTIONS = {
    "__getattr__": "Python's name for what a module loads when it is asked for",
    "lifespan": "FastAPI's name for it, in a benchmark's peer",
    "main": "the entry point of a program",
    "minutes": "a noun for a pure value: durations",
    "ratio": "a noun for a pure value",
    "seconds": "a noun for a pure value: durations",
    "settle": "the one state function of posts: docs/glossary.md",
    "shutdown": "arq's name for it, in a benchmark's peer",
    "startup": "arq's name for it, in a benchmark's peer",
    "wake": "the public verb of tasks/wake.py: wakes a worker for one kind",
}

PARTICIPLES = frozenset(
    """
    begun bought brought built caught chosen done drawn driven fallen felt found given gone grown
    heard held hidden kept known laid left lent lost made meant met paid put said seen sent set
    shown shut sold sought spent spoken stood struck swept taken taught thought thrown understood
    won worn written
    """.split()  # noqa: SIM905 - a list of words is read best as a text
)


@cache
def split_words(name: str) -> list[str]:
    """`PendingWrite` and `pending_write` are both `pending`, `write`."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


def is_participle(name: str) -> bool:
    """Whether a bare past participle is all there is of the name."""
    return name in PARTICIPLES or bool(re.fullmatch(r"[a-z]{2,}[^e\W_]ed", name))


NAMING_NODES = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef),
    *(ast.arg, ast.Name, ast.Attribute, ast.ExceptHandler),
)
"""The kinds of nodes that can give something a name."""

ALLOWED_TERMS_PATTERN = re.compile("|".join(ALLOWED_TERMS))


def names_avoid_banned_words(source: SourceFile) -> Iterator[str]:
    for line, name in [(0, Path(source.path).stem), *defined_names(source)]:
        suspected = BANNED_WORDS.intersection(split_words(name))
        if not suspected:
            continue
        plain = ALLOWED_TERMS_PATTERN.sub("", name.replace("_", "").lower())
        banned = {word for word in suspected if word in plain}
        if banned:
            yield f"line {line}: {name} has the word {', '.join(sorted(banned))}"


def defined_names(source: SourceFile) -> Iterator[tuple[int, str]]:
    """Functions, classes, parameters, variables and attributes that this file gives a name."""
    for node in source.find_nodes(*NAMING_NODES):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node.lineno, name
            case ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.arg(arg=name):
                yield node.lineno, name
            case ast.Name(id=name, ctx=ast.Store()):
                yield node.lineno, name
            case ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name
            case ast.ExceptHandler(name=str(name)):
                yield node.lineno, name


def functions_name_verb_and_object(source: SourceFile) -> Iterator[str]:
    """Module-level functions have two words or more; commands are named like what people type."""
    if source.is_within("tests/", "migrations/"):
        return
    for node in source.tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        is_command = any(".command(" in ast.unparse(each) for each in node.decorator_list)
        is_group = any(".group(" in ast.unparse(each) for each in node.decorator_list)
        is_one_word = "_" not in node.name.strip("_")
        if is_one_word and not is_command | is_group | (node.name in ALLOWED_ONE_WORD_FUNCTIONS):
            yield f"line {node.lineno}: {node.name} names no object"


def functions_are_no_participles(source: SourceFile) -> Iterator[str]:
    """Methods included; a property may be an adjective, since it is read like a field."""
    for node in source.functions:
        decorators = {ast.unparse(each) for each in node.decorator_list}
        if is_participle(node.name) and not decorators & {"property", "cached_property"}:
            yield f"line {node.lineno}: {node.name} is a bare participle"


def imports_keep_names(source: SourceFile) -> Iterator[str]:
    """A name that has to be repaired where it is imported is the wrong name."""
    for node in source.find_nodes(ast.ImportFrom, ast.Import):
        for each in node.names:
            origin = getattr(node, "module", None) or each.name
            is_ours = origin.split(".")[0] in OWN_MODULES
            if is_ours and each.asname and each.asname != each.name:
                yield f"line {node.lineno}: {each.name} is imported as {each.asname}"


def texts_avoid_banned_words(source: SourceFile) -> Iterator[str]:
    for line, text in texts_for_people(source):
        for found in BANNED_PHRASES.findall(CODE_SPAN.sub("", text)):
            yield f"line {line}: the text says “{found}”"


def texts_for_people(source: SourceFile) -> Iterator[tuple[int, str]]:
    """Docstrings, comments and every string that is a sentence rather than a key."""
    yield from source.numbered_comments
    for node in source.find_nodes(ast.Constant):
        if isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value


NAMING_RULES = (
    names_avoid_banned_words,
    functions_name_verb_and_object,
    functions_are_no_participles,
    imports_keep_names,
    texts_avoid_banned_words,
)


def repeated_class_names(sources: Iterable[SourceFile]) -> list[str]:
    """Classes at module level that share their name with another one anywhere in the tree."""
    counts = Counter(
        node.name
        for source in sources
        for node in source.tree.body
        if isinstance(node, ast.ClassDef)
    )
    return sorted(name for name, count in counts.items() if count > 1)


def document_findings() -> list[str]:
    """Banned words in documents and pages. Decision 0022 quotes them and is left out."""
    patterns = ("*.md", "docs/**/*.md", "app/templates/*.html", "platforms/*/pages/*.html")
    documents = [path for pattern in patterns for path in ROOT.glob(pattern)]
    findings = []
    for path in sorted(documents):
        if path.name.startswith("0022-"):
            continue
        text = CODE_SPAN.sub("", path.read_text(encoding="utf-8"))
        text = re.sub(r"\]\([^)]*\)|\{[{%].*?[%}]\}|<[^>]*>", "", text)
        found = {each.lower() for each in BANNED_PHRASES.findall(text)}
        if found:
            findings.append(f"{path.relative_to(ROOT)}: {', '.join(sorted(found))}")
    return findings
