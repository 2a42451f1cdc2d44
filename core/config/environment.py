"""Names and their texts become values, and every fault is remembered instead of the first one.

Must not know which names there are, and must never put a value into a fault.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from core.errors import Misconfigured

NEEDED: Any = object()


class Malformed(ValueError):
    """A text that is no value of its setting. The message is shown, so it must not quote it."""


@dataclass(frozen=True)
class Name:
    """One setting: its name, how its text becomes a value, and what it is when nobody sets it."""

    name: str
    parse: Callable[[str], Any]
    default: Any = NEEDED
    also: tuple[str, ...] = ()  # other names under which it is known


def setting(
    name: str, parse: Callable[[str], Any], *, default: Any = NEEDED, also: tuple[str, ...] = ()
) -> Any:
    """A dataclass field that `Environment.values` fills."""
    metadata = {"setting": Name(name, parse, default, also)}
    if default is NEEDED:
        return field(metadata=metadata)
    return field(metadata=metadata, default=default)


def names_of(kind: type) -> dict[str, Name]:
    """Field → setting of a dataclass; fields that are worked out from others are left out."""
    return {
        each.name: each.metadata["setting"] for each in fields(kind) if "setting" in each.metadata
    }


class Environment:
    """One set of names, read with a memory for what was wrong and what was there."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self.faults: dict[str, str] = {}
        self.given: set[str] = set()

    def values(self, kind: type) -> dict[str, Any]:
        """What this environment says of each field of the dataclass `kind`."""
        return {key: self.value(name) for key, name in names_of(kind).items()}

    def value(self, name: Name) -> Any:
        text = self.text(name)
        if text is None:
            if name.default is NEEDED:
                self.faults[name.name] = "is missing"
            return None if name.default is NEEDED else name.default
        try:
            return name.parse(text)
        except Malformed as fault:
            self.faults[name.name] = str(fault)
            return None

    def text(self, name: Name) -> str | None:
        """The text under any of its names. Set to nothing is not set."""
        for each in (name.name, *name.also):
            found = self._names.get(each, "").strip() or self._file(each)
            if found:
                self.given.add(name.name)
                return found
        return None

    def _file(self, name: str) -> str | None:
        path = self._names.get(f"{name}_FILE", "").strip()
        if not path:
            return None
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            self.faults[f"{name}_FILE"] = "names a file that cannot be read"
            return None

    def check(self) -> None:
        """Errors: Misconfigured with every fault so far."""
        if self.faults:
            told = "; ".join(f"{name} {fault}" for name, fault in sorted(self.faults.items()))
            raise Misconfigured(told, details={"settings": dict(sorted(self.faults.items()))})
