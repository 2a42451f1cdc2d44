"""The models of the platforms' settings, by name; a new platform is one line here and its import.

Apart from `platforms.registry`: a process that only reads settings loads no adapter.
"""

from collections.abc import Mapping

import platforms.instagram.settings
import platforms.tiktok.settings
from platforms.app_settings import AppSettings

SETTING_MODELS: Mapping[str, type[AppSettings]] = {
    "tiktok": platforms.tiktok.settings.TikTokSettings,
    "instagram": platforms.instagram.settings.InstagramSettings,
}
"""In the order of the registry."""
