"""How a host application proves who its users are: one issuer, one kind of key. Data only."""

from dataclasses import dataclass
from typing import Any

from core.config.environment import Environment, setting
from core.config.parsers import (
    one_of,
    parse_flag,
    parse_secret,
    parse_text,
    parse_web_url,
    parse_words,
    text_matching,
)
from platforms.secret import Secret

SHARED_SECRET_ALGORITHMS = ("HS256", "HS384", "HS512")
PUBLIC_KEY_ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "EdDSA",
)


@dataclass(frozen=True, kw_only=True)
class HostJwtSettings:
    """Either `shared` or `jwks_url`, and one algorithm that fits it: a token does not choose."""

    shared_secret: Secret | None = setting("JWT_SECRET", parse_secret, default=None)
    jwks_url: str | None = setting("JWT_JWKS_URL", parse_web_url, default=None)
    algorithm: str | None = setting(
        "JWT_ALGORITHM", one_of(*SHARED_SECRET_ALGORITHMS, *PUBLIC_KEY_ALGORITHMS), default=None
    )
    issuer: str | None = setting("JWT_ISSUER", parse_text, default=None)
    audience: str | None = setting("JWT_AUDIENCE", parse_text, default=None)
    user_claim: str = setting(
        "JWT_USER_CLAIM", text_matching(r"[\w.:/-]+", "a claim"), default="sub"
    )
    scopes: tuple[str, ...] = setting("JWT_SCOPES", parse_words, default=())
    auto_provision: bool = setting("JWT_AUTO_PROVISION", parse_flag, default=False)


def read_host_jwt(environment: Environment) -> dict[str, Any] | None:
    """The fields of a `Jwt`, or None when no key for it is set."""
    values = environment.read_all(HostJwtSettings)
    if not {"JWT_SECRET", "JWT_JWKS_URL"} & environment.configured_names:
        return None
    if {"JWT_SECRET", "JWT_JWKS_URL"} <= environment.configured_names:
        environment.faults["JWT_JWKS_URL"] = "excludes JWT_SECRET: set one of them"
    for name in ("JWT_ISSUER", "JWT_AUDIENCE"):
        if name not in environment.configured_names:
            environment.faults.setdefault(name, "is missing: tokens of anybody else would do")
    allowed_algorithms = (
        SHARED_SECRET_ALGORITHMS
        if "JWT_SECRET" in environment.configured_names
        else PUBLIC_KEY_ALGORITHMS
    )
    values["algorithm"] = values["algorithm"] or allowed_algorithms[0]
    if values["algorithm"] not in allowed_algorithms:
        environment.faults["JWT_ALGORITHM"] = "must be one of " + ", ".join(allowed_algorithms)
    return values
