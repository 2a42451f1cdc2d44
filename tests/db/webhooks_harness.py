"""Test harness: stores TikTok events in a database and applies them, with posts and accounts."""

import json
from dataclasses import dataclass

from sqlalchemy import delete, func, select, update

from core.bootstrap import Services
from core.jobs.runner import run_jobs
from core.webhooks.process import WEBHOOK_JOB_TYPE
from core.webhooks.receive import IncomingDelivery
from db.posts.posts import Post
from db.posts.timeline import PostEvent
from db.records.tiktok_posts import TikTokPost, TikTokPosts
from db.webhooks.events import Event
from db.webhooks.insert import insert_events
from platforms.base import Verdict
from tests.support.job_types import with_changes
from tests.support.row_factory import RowFactory
from tests.support.tiktok_webhooks import build_envelope

CLIENT_KEY = "sbaw_demo"


@dataclass
class WebhookHarness(RowFactory):
    services: Services | None = None

    def store_envelopes(self, *envelopes, **columns):
        """Store events as the web process does, then set columns; return the ids of the events."""
        with self.database.transaction() as session:
            events = []
            for envelope in envelopes:
                body = json.dumps({**envelope, "client_key": CLIENT_KEY}).encode()
                tiktok = self.services.get_adapter("tiktok").webhooks
                verdict = Verdict(ok=True, reason="ok")
                delivery = IncomingDelivery(
                    "tiktok", body, verdict, None, tiktok, self.services.key_ring
                )
                events += delivery.to_new_events()
            ids = [result.id for result in insert_events(session, events)]
        if columns:
            self.update_events(*ids, **columns)
        return ids

    def update_events(self, *ids, **columns):
        with self.database.transaction() as session:
            session.execute(
                update(Event).where(Event.id.in_(ids)).values(columns),
                execution_options={"synchronize_session": False},
            )

    def remove_events(self, ids):
        with self.database.transaction() as session:
            session.execute(delete(Event).where(Event.id.in_(ids)))

    def process_events(self, **changes):
        """Run the webhook job once, with changed attributes if some are given."""
        return run_jobs(with_changes(WEBHOOK_JOB_TYPE, **changes), self.database, self.services)

    def load_event(self, event_id):
        return self._fetch_one(select(Event).where(Event.id == event_id))

    def create_publication(self, account_id, publish_id="v_pub~1", **columns):
        """Create a post that the platform is processing."""
        defaults = {"state": "PROCESSING", "step": "PROCESSING", "started_at": func.now()}
        defaults |= {"publish_id": publish_id, "due_at": None, "has_slot": True}
        post_id = self.create_post(account_id, **{**defaults, **columns})
        with self.database.transaction() as session:
            TikTokPosts(session).create(session.get_one(Post, post_id))
        return post_id

    def tiktok_post(self, post_id):
        return self._fetch_one(select(TikTokPost).where(TikTokPost.post_id == post_id))

    def timeline(self, post_id):
        with self.database.transaction() as session:
            statement = select(PostEvent).where(PostEvent.post_id == post_id).order_by(PostEvent.id)
            return [(entry.kind, entry.after) for entry in session.scalars(statement)]

    def open_id(self, account_id):
        return self.account(account_id).open_id


def publish_event(event, publish_id="v_pub~1", **fields):
    """Return the envelope of `post.publish.<event>` for a publication."""
    return build_envelope(f"post.publish.{event}", publish_id=publish_id, **fields)
