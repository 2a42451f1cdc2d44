"""How commands speak: text for people or `--json` for programs, and an exit code that is true.

Results go to stdout, faults to stderr. Must not decide what is a fault.
"""

import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ParamSpec

import click

from app.body import Json
from core import audit
from core.errors import CoreError
from core.watch import telemetry
from db.session import StoreAway
from platforms.errors import PlatformError

P = ParamSpec("P")


@dataclass(frozen=True)
class Said:
    """One result: a line for people, the same as data, and whether it went well."""

    text: str
    data: dict[str, Any] = field(default_factory=dict)
    ok: bool = True


def spoken(command: Callable[P, Said | Iterator[Said]]) -> Callable[P, None]:
    """Adds `--json` to a command that returns, or yields, what it has to say."""

    @click.option("as_json", "--json", is_flag=True, help="One line of JSON per result.")
    @functools.wraps(command)
    def speaking(*args: P.args, **kwargs: P.kwargs) -> None:
        as_json = bool(kwargs.pop("as_json"))
        begin()
        fine = True
        try:
            for said in results(command(*args, **kwargs)):
                click.echo(line(said, as_json=as_json))
                fine = fine and said.ok
        except (CoreError, PlatformError, StoreAway) as error:
            complain(error, as_json=as_json)
            fine = False
        if not fine:
            raise click.exceptions.Exit(1)

    return speaking


def begin() -> None:
    audit.at_work(audit.Origin(actor="cli", correlation_id=telemetry.correlate()))


def results(said: Said | Iterator[Said]) -> Iterator[Said]:
    if isinstance(said, Said):
        yield said
    else:
        yield from said


def line(said: Said, *, as_json: bool) -> str:
    return dumped({"ok": said.ok, **said.data}) if as_json else said.text


def complain(error: Exception, *, as_json: bool) -> None:
    code = getattr(error, "code", "SERVICE_UNAVAILABLE")
    message = "the database does not answer" if isinstance(error, StoreAway) else str(error)
    if as_json:
        click.echo(dumped({"ok": False, "error": {"code": code, "message": message}}))
    click.echo(f"{code}: {message}", err=True)


def dumped(data: dict[str, Any]) -> str:
    return json.dumps(data, default=Json.default, ensure_ascii=False)
