"""Settings of the host application: its users are signed in by the JWTs that it issues."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from core.scopes import SCOPES, USER_SCOPES
from platforms.setting_types import (
    ClaimName,
    Flag,
    Hours,
    SecretText,
    WebUrl,
    from_text,
    one_of,
    parse_words,
)

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
Algorithm = Annotated[str, from_text(one_of(*SHARED_SECRET_ALGORITHMS, *PUBLIC_KEY_ALGORITHMS))]


def parse_scopes(value: str) -> tuple[str, ...]:
    """Accept scopes of people only: what operators may do, no token of a host application may."""
    scopes = parse_words(value)
    if not set(scopes) <= USER_SCOPES:
        allowed = ", ".join(scope for scope in SCOPES if scope in USER_SCOPES)
        raise ValueError(f"must name scopes of people only: {allowed}")
    return scopes


Scopes = Annotated[tuple[str, ...], from_text(parse_scopes)]


def default_algorithm(values: dict[str, Any]) -> str:
    return SHARED_SECRET_ALGORITHMS[0] if values["shared_secret"] else PUBLIC_KEY_ALGORITHMS[0]


class HostJwtSettings(BaseModel):
    """Either a shared secret or a JWKS URL, and the one algorithm that tokens must use.

    The algorithm is fixed here because a token must not choose how it is verified.
    """

    model_config = ConfigDict(frozen=True, validate_by_name=True, validate_by_alias=True)

    shared_secret: SecretText | None = Field(default=None, validation_alias="JWT_SECRET")
    jwks_url: WebUrl | None = Field(default=None, validation_alias="JWT_JWKS_URL")
    algorithm: Algorithm = Field(
        default_factory=default_algorithm, validation_alias="JWT_ALGORITHM"
    )
    issuer: str | None = Field(default=None, validation_alias="JWT_ISSUER")
    audience: str | None = Field(default=None, validation_alias="JWT_AUDIENCE")
    user_claim: ClaimName = Field(default="sub", validation_alias="JWT_USER_CLAIM")
    scopes: Scopes = Field(default=(), validation_alias="JWT_SCOPES")
    max_lifetime: Hours = Field(
        default=timedelta(hours=24), validation_alias="JWT_MAX_LIFETIME_HOURS"
    )
    auto_provision: Flag = Field(default=False, validation_alias="JWT_AUTO_PROVISION")

    @property
    def has_key(self) -> bool:
        return self.shared_secret is not None or self.jwks_url is not None
