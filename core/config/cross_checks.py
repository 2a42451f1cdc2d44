"""Rules between settings, and rules for production.

They work on the texts of the settings instead of their values, so that they also run when another
setting is malformed: all faults are reported together.
"""

from collections.abc import Mapping

from core.config.broker_rules import find_plaintext_faults
from core.config.broker_urls import is_amqp_url
from core.config.host_jwt import PUBLIC_KEY_ALGORITHMS, SHARED_SECRET_ALGORITHMS
from core.config.roles import has_secret
from core.config.secret_rules import find_secret_faults
from platforms.setting_models import SETTING_MODELS
from platforms.setting_types import FALSE_WORDS

BASE_URL_SUFFIX = "_BASE_URL"
REDIRECT_URI_PLATFORMS = {f"{name.upper()}_REDIRECT_URI": name for name in SETTING_MODELS}
SINK_URLS = ("ALERT_WEBHOOK_URL", "SLACK_WEBHOOK_URL", "HEARTBEAT_URL")
BUCKET_KEY_SETTINGS = ("MEDIA_BUCKET_ACCESS_KEY_ID", "MEDIA_BUCKET_SECRET_ACCESS_KEY")
HTTPS_SETTINGS = ("PUBLIC_URL", *REDIRECT_URI_PLATFORMS, *SINK_URLS)
FLOWER_FAULT = (
    "is missing: without a password Flower shows workers and tasks to everybody; set name:password"
)


def find_cross_faults(
    texts: Mapping[str, str], base_urls: Mapping[str, str], *, role: str
) -> dict[str, str]:
    """Return setting names with their faults, as far as the role needs the settings.

    Shapes: `texts` holds the settings that are set; `base_urls` each platform URL with the
    vendor's own address.
    """
    faults = encryption_key_faults(texts) if has_secret(role, "TOKEN_ENCRYPTION_KEY") else {}
    faults |= host_jwt_faults(texts) if has_secret(role, "JWT_SECRET") else {}
    faults |= bucket_key_faults(texts)
    needs_redis = "REDIS_URL" not in texts and has_secret(role, "REDIS_URL")
    if needs_redis and is_amqp_url(texts.get("BROKER_URL", "")):
        faults["REDIS_URL"] = "is missing: rate limits need a Redis, and BROKER_URL names none"
    if texts.get("BROKER_QUEUE_TYPE") == "quorum" and not is_amqp_url(texts.get("BROKER_URL", "")):
        faults["BROKER_QUEUE_TYPE"] = "quorum needs RabbitMQ, and BROKER_URL names none"
    needs_mail_server = "ALERT_EMAIL" in texts and has_secret(role, "SMTP_URL")
    if needs_mail_server and "SMTP_URL" not in texts:
        faults["SMTP_URL"] = "is missing: ALERT_EMAIL needs a mail server"
    if role == "flower" and "FLOWER_BASIC_AUTH" not in texts:
        faults["FLOWER_BASIC_AUTH"] = FLOWER_FAULT
    if texts.get("ENVIRONMENT") == "production":
        faults = production_faults(texts, base_urls, role=role) | faults
    return faults


def encryption_key_faults(texts: Mapping[str, str]) -> dict[str, str]:
    configured = {"TOKEN_ENCRYPTION_KEY", "TOKEN_ENCRYPTION_KEYS"} & texts.keys()
    if not configured:
        return {"TOKEN_ENCRYPTION_KEY": "is missing (`signalpost keygen` makes one)"}
    if len(configured) > 1:
        return {"TOKEN_ENCRYPTION_KEY": "excludes TOKEN_ENCRYPTION_KEYS: set one of them"}
    return {}


def bucket_key_faults(texts: Mapping[str, str]) -> dict[str, str]:
    """Both halves of the key of the media bucket are needed, or neither."""
    return {
        name: f"is missing: {other} is set, and a key has both"
        for name, other in (BUCKET_KEY_SETTINGS, BUCKET_KEY_SETTINGS[::-1])
        if other in texts and name not in texts
    }


def host_jwt_faults(texts: Mapping[str, str]) -> dict[str, str]:
    """Faults of the JWT settings. Without a key, host applications are switched off."""
    if "JWT_SECRET" not in texts and "JWT_JWKS_URL" not in texts:
        return {}
    faults = {
        name: "is missing: without it, tokens of any other issuer or service would be accepted"
        for name in ("JWT_ISSUER", "JWT_AUDIENCE")
        if name not in texts
    }
    if "JWT_SECRET" in texts and "JWT_JWKS_URL" in texts:
        faults["JWT_JWKS_URL"] = "excludes JWT_SECRET: set one of them"
    algorithms = SHARED_SECRET_ALGORITHMS if "JWT_SECRET" in texts else PUBLIC_KEY_ALGORITHMS
    if texts.get("JWT_ALGORITHM", algorithms[0]) not in algorithms:
        faults["JWT_ALGORITHM"] = "must be one of " + ", ".join(algorithms)
    return faults


def production_faults(
    texts: Mapping[str, str], base_urls: Mapping[str, str], *, role: str
) -> dict[str, str]:
    """Faults of settings that are good enough to try things out, but not for real accounts."""
    needs_url = has_secret(role, "SECRET_KEY")  # both are for links and pages
    faults = {"PUBLIC_URL": "is missing"} if needs_url and "PUBLIC_URL" not in texts else {}
    for name, text in texts.items():
        fault = production_fault(name, text, base_urls) or redirect_uri_fault(name, text, texts)
        if fault is not None:
            faults[name] = f"{fault} in production"
    faults |= {
        name: f"{fault} (in production)" for name, fault in find_secret_faults(texts).items()
    }
    return faults | find_plaintext_faults(texts)


def production_fault(name: str, text: str, base_urls: Mapping[str, str]) -> str | None:
    if name in base_urls and text.rstrip("/") != base_urls[name]:
        return f"must be the platform's own, {base_urls[name]},"
    if name == "ENDPOINT_PRIVATE_HOSTS" and text.lower() not in FALSE_WORDS:
        return "must be off"
    is_plain = text.lower().startswith("http://")  # whoever is on the way could read and answer
    if is_plain or (name in HTTPS_SETTINGS and not text.startswith("https://")):
        return "must begin with https://"
    return None


def redirect_uri_fault(name: str, text: str, texts: Mapping[str, str]) -> str | None:
    """Platforms send users back to our callback page, so the redirect URI must be its address."""
    platform = REDIRECT_URI_PLATFORMS.get(name)
    public_url = texts.get("PUBLIC_URL", "").rstrip("/")
    path = f"/api/auth/{platform}/callback"
    if platform is None or not public_url or text == public_url + path:
        return None
    return f"must be PUBLIC_URL followed by {path}"
