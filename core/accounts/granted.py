"""A grant as the platform gave it becomes an account of ours, its tokens sealed on the way in."""

from dataclasses import dataclass
from typing import Any

import structlog

from core.accounts import grants
from core.accounts.renewal import columns, refresh_in, sealed
from core.crypto import access_context, refresh_context
from core.errors import Away, Conflict
from core.wiring import World
from db.accounts import Account
from db.grants import Grants, LiveElsewhere
from db.session import Session, now
from platforms.base import Grant, Profile
from platforms.errors import PlatformError

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Owner:
    user_id: int
    provider: str


def known(world: World, provider: str, grant: Grant) -> Profile:
    """Name and picture, or only the id: a grant is worth more than how it is shown."""
    try:
        return world.platform(provider).oauth.profile(grant.access_token, grant.scopes)
    except (PlatformError, Away) as error:
        log_id = getattr(error, "log_id", None)
        log.warning("connect.nameless", provider=provider, code=error.code, log_id=log_id)
        return Profile(external_id=grant.external_id)


def keep(
    session: Session,
    world: World,
    grant: Grant,
    profile: Profile,
    owner: Owner,
) -> Account:
    """Errors: Conflict if the account is connected by another user."""
    who = (owner.provider, grant.external_id, owner.user_id)
    new = sealed(grant, world, access_context(*who), refresh_context(*who))
    try:
        account = Grants(session).store(
            user_id=owner.user_id,
            provider=owner.provider,
            open_id=grant.external_id,
            scope=",".join(grant.scopes),
            metadata=described(grant, profile),
            refresh_due_at=Grants.now() + refresh_in(new, in_use=True),
            last_used_at=Grants.now(),
            **columns(new, at=now(session)),
        )
    except LiveElsewhere:
        why = "live under another user"
        raise Conflict(why, code="account_already_connected") from None
    grants.regained(session, account)
    missing = [
        each for each in world.settings.apps[owner.provider].scopes if each not in grant.scopes
    ]
    if missing:
        grants.tell(session, account, grants.PERMISSIONS_MISSING, why=",".join(missing))
    return account


def described(grant: Grant, profile: Profile) -> dict[str, Any]:
    told = {
        "union_id": profile.union_id,
        "display_name": profile.display_name,
        "avatar_url": profile.avatar_url,
        "token_type": grant.token_type,
    }
    return {name: value for name, value in told.items() if value is not None}
