"""Reads environment variables for pydantic-settings: names, older names, NAME_FILE and sections."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self, get_args

from pydantic import AliasChoices, BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from core.errors import Misconfigured

FILE_SUFFIX = "_FILE"
DEPENDENT_DEFAULT = "default_factory_not_called"  # only follows from another setting's fault


class EnvironmentSettings(BaseSettings):
    """Base of settings classes: `from_env` is the way to create one."""

    model_config = SettingsConfigDict(frozen=True, hide_input_in_errors=True)

    configured_names: frozenset[str] = frozenset()  # the settings that are set

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *_others: PydanticBaseSettingsSource,
        **_more: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Accept arguments only: `from_env` passes what an `EnvironmentSource` has read."""
        del settings_cls
        return (init_settings,)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Errors: Misconfigured, with everything that is missing or malformed."""
        source = EnvironmentSource(cls, cls.select_variables(environ))
        values = source()
        faults = cls.find_cross_faults(source.texts) | source.faults
        try:
            settings = cls(**values, configured_names=frozenset(source.texts))
        except ValidationError as error:
            faults |= describe_faults(error)
        if faults:
            faults = dict(sorted(faults.items()))
            message = "; ".join(f"{name} {fault}" for name, fault in faults.items())
            raise Misconfigured(message, details={"settings": faults}) from None
        return settings

    @classmethod
    def select_variables(cls, environ: Mapping[str, str]) -> Mapping[str, str]:
        """Return the variables that may be read."""
        return environ

    @classmethod
    def find_cross_faults(cls, texts: Mapping[str, str]) -> dict[str, str]:
        """Faults that the value of a single setting does not show."""
        del texts
        return {}


class EnvironmentSource(PydanticBaseSettingsSource):
    """Reads the settings of one class from a mapping of environment variables.

    `texts` holds each setting that is set, by its documented name; `faults` the files that could
    not be read, and settings that are given twice. A setting with an empty value counts as not set.
    """

    def __init__(self, settings_cls: type[BaseSettings], variables: Mapping[str, str]) -> None:
        super().__init__(settings_cls)
        self._variables = variables
        self.texts: dict[str, str] = {}
        self.faults: dict[str, str] = {}

    def __call__(self) -> dict[str, Any]:
        """Return names with texts; those of a section are in a dict under the section's field."""
        return self._read_section(self.settings_cls)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return value, key and False: no value is JSON."""
        section = section_class(field)
        if section is not None:
            return self._read_section(section), field_name, False
        names = setting_aliases(field)
        text = next((text for name in names if (text := self._read_text(name))), None)
        return text, names[0] if names else field_name, False

    def _read_section(self, section: type[BaseModel]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for field_name, field in section.model_fields.items():
            value, key, _ = self.get_field_value(field, field_name)
            if value is not None:
                values[key] = value
            if isinstance(value, str):
                self.texts[key] = value
        return values

    def _read_text(self, name: str) -> str | None:
        text = self._variables.get(name, "").strip()
        if text and self._variables.get(f"{name}_FILE", "").strip():
            self.faults[name] = f"excludes {name}_FILE: set one of them"
        return text or self._read_file(name)

    def _read_file(self, name: str) -> str | None:
        path = self._variables.get(f"{name}_FILE", "").strip()
        if not path:
            return None
        try:
            text = Path(path).read_text(encoding="utf-8-sig").strip()
        except (OSError, UnicodeDecodeError):
            self.faults[f"{name}_FILE"] = "names a file that cannot be read"
            return None
        if not text:
            self.faults[f"{name}_FILE"] = "names a file that is empty"
        return text or None


def merge_environments(first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, str]:
    """Return both; a setting of the second outranks NAME and NAME_FILE of the first."""
    given = {name.removesuffix(FILE_SUFFIX) for name, value in second.items() if value.strip()}
    kept = {
        name: value for name, value in first.items() if name.removesuffix(FILE_SUFFIX) not in given
    }
    return kept | dict(second)


def iter_settings(settings_cls: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    """Every setting of a class and its sections, with its documented name."""
    for field in settings_cls.model_fields.values():
        section = section_class(field)
        if section is not None:
            yield from iter_settings(section)
        elif names := setting_aliases(field):
            yield names[0], field


def section_class(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a field that groups settings (`X` or `X | None`); None for a single setting."""
    for candidate in (field.annotation, *get_args(field.annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def setting_aliases(field: FieldInfo) -> list[str]:
    """The names under which a setting is read, the documented one first; empty if it is none."""
    match field.validation_alias:
        case AliasChoices(choices=choices):
            return [str(choice) for choice in choices]
        case str(name):
            return [name]
        case _:
            return []


def describe_faults(error: ValidationError) -> dict[str, str]:
    """Return setting names with the faults of their values. Quotes no value."""
    return {
        str(fault["loc"][-1]): describe_fault(fault["type"], fault.get("ctx", {}))
        for fault in error.errors(include_url=False, include_input=False)
        if fault["type"] != DEPENDENT_DEFAULT
    }


def describe_fault(fault_type: str, context: Mapping[str, Any]) -> str:
    match fault_type:
        case "missing":
            return "is missing"
        case "literal_error":
            return f"must be {context['expected']}"
        case "value_error":  # raised by value_types
            return str(context["error"])
        case _:
            return "is malformed"
