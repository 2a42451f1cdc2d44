"""What one setting says about another. Must not know how texts become values."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from core.config.environment import Environment, Name, names_of
from core.config.stores import encrypted, is_redis
from platforms.secret import Secret

RETURNS = {"TIKTOK_REDIRECT_URI": "tiktok", "INSTAGRAM_REDIRECT_URI": "instagram"}
HTTPS = ("PUBLIC_URL", *RETURNS)
OPEN = ("ENDPOINT_PRIVATE_HOSTS",)
BASE = "_BASE_URL"
LENGTHS = {"SECRET_KEY": 32, "JWT_SECRET": 32, "WORKER_SECRET": 16, "METRICS_TOKEN": 16}


def agree(environment: Environment, own: dict[str, Any]) -> None:
    """The stores: a server elsewhere is encrypted, and a broker that is Redis serves for limits."""
    if own["database_url"]:
        own["database_url"] = encrypted(own["database_url"], own["sslmode"])
    if own["broker_url"] and "REDIS_URL" not in environment.given:
        own["redis_url"] = own["broker_url"]
        if not is_redis(own["broker_url"]):
            environment.faults["REDIS_URL"] = "is missing: the broker is no Redis"


def harden(environment: Environment, values: Mapping[type, Mapping[str, Any]]) -> None:
    """What is good enough to try things out, and not good enough for people's accounts."""
    if "PUBLIC_URL" not in environment.given:
        environment.faults["PUBLIC_URL"] = "is missing"
    public_url = next(
        (read["public_url"] for read in values.values() if "public_url" in read), None
    )
    for kind, read in values.items():
        for field, name in names_of(kind).items():
            value = read.get(field)
            fault = weakness(name, value) or elsewhere(name, value, public_url)
            if fault is not None:
                environment.faults.setdefault(name.name, f"{fault} in production")


def weakness(name: Name, value: Any) -> str | None:
    """Browsers come over https, calls go to the vendors' hosts, strangers' calls to public ones,
    and no key is guessable.
    """
    if name.name.endswith(BASE) and value != name.default:
        return "must be the vendor's own"
    if name.name in OPEN and value:
        return "must be off"
    if name.name in HTTPS and value and not value.startswith("https://"):
        return "must begin with https://"
    least = LENGTHS.get(name.name, 0)
    if isinstance(value, Secret) and len(value.reveal()) < least:
        return f"must have at least {least} characters"
    return None


def elsewhere(name: Name, value: Any, public_url: str | None) -> str | None:
    """There is one address at which we hear a platform's users come back."""
    back = f"{public_url}/api/auth/{RETURNS.get(name.name)}/callback"
    if name.name not in RETURNS or not value or not public_url or value == back:
        return None
    return "must be PUBLIC_URL and /api/auth/" + RETURNS[name.name] + "/callback"


def absent(
    needed: Mapping[str, tuple[str, ...]], given: AbstractSet[str]
) -> dict[str, tuple[str, ...]]:
    """Platform → the names that keep it off; complete ones are left out."""
    gaps = {
        platform: tuple(name for name in names if name not in given)
        for platform, names in needed.items()
    }
    return {platform: names for platform, names in gaps.items() if names}
