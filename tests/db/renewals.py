"""A platform that answers refreshes by script."""

from tests.platforms.hostile import answer, plays
from tests.platforms.script import flat

DEAD = flat(error="invalid_grant", error_description="Refresh token is invalid or expired.")
AWAY = answer(503, b"")


def renewed(**fields):
    usual = {
        "access_token": "act.new",
        "expires_in": 7200,
        "open_id": "o",
        "refresh_expires_in": 15_552_000,
        "refresh_token": "rft.new",
        "scope": "user.info.basic,video.upload",
    }
    return flat(**{**usual, **fields})


def unanswered(server):
    """From now on the platform takes the request and says nothing."""
    server.manners["/v2/oauth/token/"] = server.reset


def answers(server, *script):
    server.manners.pop("/v2/oauth/token/", None)
    plays(server, *script)


def ring(world):
    return dict(world.settings.keys)["1"].reveal()
