"""Who is sampled: every live account that allows it, as long as this installation wants it."""

from core.insights.question import SCOPES, enabled
from core.wiring import World
from db.session import Database
from db.watches import Watches


def enrol(database: Database, world: World) -> int:
    """How many accounts are sampled from now on, or again; the bell is rung for them.

    Where something was published since the last look, the next look is brought forward.
    """
    wanted = enabled(world)
    scopes = {
        provider: scope
        for provider, scope in SCOPES.items()
        if wanted.get(provider) and provider in world.platforms
    }
    if not scopes:
        return 0
    with database.transaction() as session:
        Watches(session).hasten_published()
        opened = Watches(session).open(scopes)
    if opened:
        world.ring("insights")
    return opened
