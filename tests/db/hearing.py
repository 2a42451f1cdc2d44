"""TikTok's notices put into a database and applied, with the posts and accounts they are of."""

import json
from dataclasses import dataclass, replace

from sqlalchemy import func, select, update

from core.engine.work import run
from core.webhooks.apply import WORK
from core.webhooks.deliveries import Delivery
from db.arrivals import store
from db.posts import Post
from db.records import Records, TikTokPost
from db.timeline import PostEvent
from db.webhooks import Event
from platforms.base import Verdict
from tests.tenants import Tenants
from tests.tiktok_sender import an_envelope

KEY = "sbaw_demo"


@dataclass
class Hearing(Tenants):
    world: object = None

    def deliver(self, *envelopes, **columns):
        """Stored as the ingress stores them: their ids."""
        with self.database.transaction() as session:
            arrivals = []
            for envelope in envelopes:
                body = json.dumps({**envelope, "client_key": KEY}).encode()
                tiktok = self.world.platform("tiktok").webhooks
                delivery = Delivery("tiktok", body, Verdict(ok=True, reason="ok"), None, tiktok)
                arrivals += delivery.rows()
            ids = [one.id for one in store(session, arrivals)]
        if columns:
            self.set(*ids, **columns)
        return ids

    def set(self, *ids, **columns):
        with self.database.transaction() as session:
            session.execute(
                update(Event).where(Event.id.in_(ids)).values(columns),
                execution_options={"synchronize_session": False},
            )

    def apply(self, work=WORK, **changes):
        return run(replace(work, **changes), self.database, self.world)

    def event(self, event_id):
        return self._one(select(Event).where(Event.id == event_id))

    def a_publication(self, account_id, publish_id="v_pub~1", **columns):
        """A post that the platform has and works on."""
        usual = {"state": "PROCESSING", "step": "PROCESSING", "started_at": func.now()}
        usual |= {"publish_id": publish_id, "due_at": None, "has_slot": True}
        post_id = self.a_post(account_id, **{**usual, **columns})
        with self.database.transaction() as session:
            Records(session).open(session.get_one(Post, post_id))
        return post_id

    def record(self, post_id):
        return self._one(select(TikTokPost).where(TikTokPost.ledger_id == post_id))

    def timeline(self, post_id):
        with self.database.transaction() as session:
            found = select(PostEvent).where(PostEvent.post_id == post_id).order_by(PostEvent.id)
            return [(one.kind, one.after) for one in session.scalars(found)]

    def open_id(self, account_id):
        return self.account(account_id).open_id


def told(event, publish_id="v_pub~1", **fields):
    """News of a publication, by the last part of TikTok's name for it."""
    return an_envelope(f"post.publish.{event}", publish_id=publish_id, **fields)
