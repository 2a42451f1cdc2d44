"""Commands by name, each loaded when it is run: loading all of them takes a second of CPU."""

from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click


@dataclass(frozen=True)
class CommandSource:
    """Where a command is, as `module:attribute`, and its purpose as lists show it.

    `older_names`: names of before, by which it can still be run.
    """

    place: str
    purpose: str
    older_names: tuple[str, ...] = ()


class CommandSources(MutableMapping[str, click.Command]):
    """Looking up a command loads it; its name and purpose are known without."""

    def __init__(self) -> None:
        self._sources: dict[str, CommandSource] = {}
        self._loaded: dict[str, click.Command] = {}

    def add_sources(self, sources: Mapping[str, CommandSource]) -> None:
        self._sources.update(sources)

    def purpose(self, name: str) -> str:
        return self._sources[name].purpose

    def find_older(self, older_name: str) -> click.Command | None:
        """Return the command that had this name before."""
        for name, source in self._sources.items():
            if older_name in source.older_names:
                return self[name]
        return None

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._loaded:
            self._loaded[name] = load_object(self._sources[name].place)
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._loaded[name] = command
        self._sources[name] = CommandSource("", command.get_short_help_str())

    def __delitem__(self, name: str) -> None:
        del self._sources[name]
        self._loaded.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)


def load_object(place: str) -> Any:
    """Return what `module:attribute` names."""
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)
