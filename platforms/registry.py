"""The platforms, by name; a new one is one line here."""

from collections.abc import Mapping

from platforms.instagram import platform as instagram
from platforms.platform import Platform
from platforms.tiktok import platform as tiktok

PLATFORMS: Mapping[str, Platform] = {
    module.PLATFORM.name: module.PLATFORM for module in (tiktok, instagram)
}
