"""Base of the models of platforms' settings, which know nothing of the platforms' calls."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from platforms.base import PlatformApp


class AppSettings(BaseModel, ABC):
    """What one platform reads from the environment. A platform with incomplete settings is off.

    `secret_patterns`: how the secrets that the platform issues look, for the redaction of logs:
    marks → regex, as in `core.observability.redact`.
    """

    model_config = ConfigDict(frozen=True, validate_by_name=True, validate_by_alias=True)

    secret_patterns: ClassVar[Mapping[tuple[str, ...], str]] = {}

    @abstractmethod
    def missing_names(self) -> tuple[str, ...]:
        """Return the names of the settings that the platform still needs."""

    @property
    def should_check_urls(self) -> bool:
        """Whether we probe the URLs that the platform is to fetch, before a post starts."""
        return False

    @abstractmethod
    def build_app(self) -> PlatformApp | None:
        """Return our app at the platform; None unless every required setting is there."""
