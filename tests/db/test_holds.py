"""A reconnect and a worker that is about to park a post of the old grant: who comes first?"""

from core.engine.kinds import Report
from core.engine.record import write
from core.engine.work import claim
from core.outcomes import Held
from core.posts.publish import WORK
from db.holds import Holds
from tests.db.catalogue import a_user_with_a_post, ask
from tests.db.chores import World


def parked_too_late(database, url):
    """A post in hand whose account needed a reconnect when it was claimed."""
    a_user_with_a_post(url)
    ask(url, "UPDATE oauth_accounts SET status = 'NEEDS_RECONNECT'")
    ask(url, "UPDATE posts SET due_at = now(), state = 'PROCESSING', publish_id = 'p'")
    (hand,) = claim(WORK, database, limit=1, lapsed=False, only=None)
    assert isinstance(hand.job, Held)
    return hand


def test_a_post_that_is_being_parked_hears_of_the_reconnect(database, database_url):
    hand = parked_too_late(database, database_url)
    with database.transaction() as session:
        Holds(session).resume(1)
    write(WORK, database, World(), [(hand, hand.job)], Report())
    assert ask(database_url, "SELECT due_at <= now() AS due FROM posts")[0].due


def test_control_without_a_reconnect_it_stays_parked(database, database_url):
    hand = parked_too_late(database, database_url)
    write(WORK, database, World(), [(hand, hand.job)], Report())
    assert ask(database_url, "SELECT due_at FROM posts")[0].due_at is None
