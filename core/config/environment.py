"""Names and their texts become values, and every fault is remembered instead of the first one.

Must not know which names there are, and must never put a value into a fault.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from core.errors import Misconfigured

REQUIRED: Any = object()


class MalformedSetting(ValueError):
    """A text that is no value of its setting. The message is shown, so it must not quote it."""


@dataclass(frozen=True)
class SettingSpec:
    """One setting: its name, how its text becomes a value, and what it is when nobody sets it."""

    name: str
    parse: Callable[[str], Any]
    default: Any = REQUIRED
    aliases: tuple[str, ...] = ()  # other names under which it is known


def setting(
    name: str,
    parse: Callable[[str], Any],
    *,
    default: Any = REQUIRED,
    aliases: tuple[str, ...] = (),
) -> Any:
    """A dataclass field that `Environment.values` fills."""
    metadata = {"setting": SettingSpec(name, parse, default, aliases)}
    if default is REQUIRED:
        return field(metadata=metadata)
    return field(metadata=metadata, default=default)


def setting_specs(settings_class: type) -> dict[str, SettingSpec]:
    """Field → setting of a dataclass; fields that are worked out from others are left out."""
    return {
        each.name: each.metadata["setting"]
        for each in fields(settings_class)
        if "setting" in each.metadata
    }


class Environment:
    """One set of names, read with a memory for what was wrong and what was there."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.faults: dict[str, str] = {}
        self.configured_names: set[str] = set()

    def read_all(self, settings_class: type) -> dict[str, Any]:
        """What this environment says of each field of the dataclass `kind`."""
        return {key: self.read(spec) for key, spec in setting_specs(settings_class).items()}

    def read(self, spec: SettingSpec) -> Any:
        text = self.read_text(spec)
        if text is None:
            if spec.default is REQUIRED:
                self.faults[spec.name] = "is missing"
            return None if spec.default is REQUIRED else spec.default
        try:
            return spec.parse(text)
        except MalformedSetting as fault:
            self.faults[spec.name] = str(fault)
            return None

    def read_text(self, spec: SettingSpec) -> str | None:
        """The text under any of its names. Set to nothing is not set."""
        for alias in (spec.name, *spec.aliases):
            found = self._variables.get(alias, "").strip() or self._read_file(alias)
            if found:
                self.configured_names.add(spec.name)
                return found
        return None

    def _read_file(self, name: str) -> str | None:
        path = self._variables.get(f"{name}_FILE", "").strip()
        if not path:
            return None
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            self.faults[f"{name}_FILE"] = "names a file that cannot be read"
            return None

    def raise_for_faults(self) -> None:
        """Errors: Misconfigured with every fault so far."""
        if self.faults:
            message = "; ".join(f"{name} {fault}" for name, fault in sorted(self.faults.items()))
            raise Misconfigured(message, details={"settings": dict(sorted(self.faults.items()))})
