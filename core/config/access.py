"""How a host application proves who its users are: one issuer, one kind of key. Data only."""

from dataclasses import dataclass
from typing import Any

from core.config.environment import Environment, setting
from core.config.formats import flag, like, one_of, secret, several, text, web_url
from platforms.secret import Secret

SHARED = ("HS256", "HS384", "HS512")
PUBLISHED = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")


@dataclass(frozen=True, kw_only=True)
class Jwt:
    """Either `shared` or `jwks_url`, and one algorithm that fits it: a token does not choose."""

    shared: Secret | None = setting("JWT_SECRET", secret, default=None)
    jwks_url: str | None = setting("JWT_JWKS_URL", web_url, default=None)
    algorithm: str | None = setting("JWT_ALGORITHM", one_of(*SHARED, *PUBLISHED), default=None)
    issuer: str | None = setting("JWT_ISSUER", text, default=None)
    audience: str | None = setting("JWT_AUDIENCE", text, default=None)
    user_claim: str = setting("JWT_USER_CLAIM", like(r"[\w.:/-]+", "a claim"), default="sub")
    scopes: tuple[str, ...] = setting("JWT_SCOPES", several, default=())
    auto_provision: bool = setting("JWT_AUTO_PROVISION", flag, default=False)


def jwt(environment: Environment) -> dict[str, Any] | None:
    """The fields of a `Jwt`, or None when no key for it is set."""
    values = environment.values(Jwt)
    if not {"JWT_SECRET", "JWT_JWKS_URL"} & environment.given:
        return None
    if {"JWT_SECRET", "JWT_JWKS_URL"} <= environment.given:
        environment.faults["JWT_JWKS_URL"] = "excludes JWT_SECRET: set one of them"
    for name in ("JWT_ISSUER", "JWT_AUDIENCE"):
        if name not in environment.given:
            environment.faults.setdefault(name, "is missing: tokens of anybody else would do")
    fitting = SHARED if "JWT_SECRET" in environment.given else PUBLISHED
    values["algorithm"] = values["algorithm"] or fitting[0]
    if values["algorithm"] not in fitting:
        environment.faults["JWT_ALGORITHM"] = "must be one of " + ", ".join(fitting)
    return values
