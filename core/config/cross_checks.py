"""What one setting says about another. Must not know how texts become values."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from core.config.environment import Environment, SettingSpec, setting_specs
from core.config.store_urls import is_redis_url, with_sslmode
from platforms.secret import Secret

REDIRECT_URI_PLATFORMS = {"TIKTOK_REDIRECT_URI": "tiktok", "INSTAGRAM_REDIRECT_URI": "instagram"}
HTTPS_SETTINGS = ("PUBLIC_URL", *REDIRECT_URI_PLATFORMS)
OFF_IN_PRODUCTION_SETTINGS = ("ENDPOINT_PRIVATE_HOSTS",)
BASE_URL_SUFFIX = "_BASE_URL"
MIN_SECRET_LENGTHS = {"SECRET_KEY": 32, "JWT_SECRET": 32, "WORKER_SECRET": 16, "METRICS_TOKEN": 16}


def complete_store_urls(environment: Environment, values: dict[str, Any]) -> None:
    """The stores: a server elsewhere is encrypted, and a broker that is Redis serves for limits."""
    if values["database_url"]:
        values["database_url"] = with_sslmode(values["database_url"], values["sslmode"])
    if values["broker_url"] and "REDIS_URL" not in environment.configured_names:
        values["redis_url"] = values["broker_url"]
        if not is_redis_url(values["broker_url"]):
            environment.faults["REDIS_URL"] = "is missing: the broker is no Redis"


def check_production_settings(
    environment: Environment, values: Mapping[type, Mapping[str, Any]]
) -> None:
    """What is good enough to try things out, and not good enough for people's accounts."""
    if "PUBLIC_URL" not in environment.configured_names:
        environment.faults["PUBLIC_URL"] = "is missing"
    public_url = next(
        (section["public_url"] for section in values.values() if "public_url" in section), None
    )
    for settings_class, section in values.items():
        for field, spec in setting_specs(settings_class).items():
            value = section.get(field)
            fault = production_fault(spec, value) or redirect_uri_fault(spec, value, public_url)
            if fault is not None:
                environment.faults.setdefault(spec.name, f"{fault} in production")


def production_fault(spec: SettingSpec, value: Any) -> str | None:
    """Browsers come over https, calls go to the vendors' hosts, strangers' calls to public ones,
    and no key is guessable.
    """
    if spec.name.endswith(BASE_URL_SUFFIX) and value != spec.default:
        return "must be the vendor's own"
    if spec.name in OFF_IN_PRODUCTION_SETTINGS and value:
        return "must be off"
    if spec.name in HTTPS_SETTINGS and value and not value.startswith("https://"):
        return "must begin with https://"
    minimum = MIN_SECRET_LENGTHS.get(spec.name, 0)
    if isinstance(value, Secret) and len(value.reveal()) < minimum:
        return f"must have at least {minimum} characters"
    return None


def redirect_uri_fault(spec: SettingSpec, value: Any, public_url: str | None) -> str | None:
    """There is one address at which we hear a platform's users come back."""
    expected_url = f"{public_url}/api/auth/{REDIRECT_URI_PLATFORMS.get(spec.name)}/callback"
    if (
        spec.name not in REDIRECT_URI_PLATFORMS
        or not value
        or not public_url
        or value == expected_url
    ):
        return None
    return "must be PUBLIC_URL and /api/auth/" + REDIRECT_URI_PLATFORMS[spec.name] + "/callback"


def missing_setting_names(
    required: Mapping[str, tuple[str, ...]], configured: AbstractSet[str]
) -> dict[str, tuple[str, ...]]:
    """Platform → the names that keep it off; complete ones are left out."""
    missing = {
        platform: tuple(name for name in names if name not in configured)
        for platform, names in required.items()
    }
    return {platform: names for platform, names in missing.items() if names}
