"""The platforms, by name; a new one is one line here and its import."""

from collections.abc import Mapping

import platforms.instagram.platform
import platforms.tiktok.platform
from platforms.platform import Platform

PLATFORMS: Mapping[str, Platform] = {
    platform.name: platform
    for platform in (platforms.tiktok.platform.PLATFORM, platforms.instagram.platform.PLATFORM)
}
