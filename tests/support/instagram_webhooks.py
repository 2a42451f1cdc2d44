"""Test harness: Instagram accounts, and the deliveries of Meta about them, stored and applied."""

import itertools
import json
from dataclasses import dataclass, field

from sqlalchemy import func, select, text

from core.jobs.runner import run_jobs
from core.webhooks.process import WEBHOOK_JOB_TYPE
from core.webhooks.receive import IncomingDelivery
from db.accounts.accounts import Account
from db.outbox.endpoints import Endpoint
from db.outbox.messages import OutboxMessage
from db.records.instagram_tables import IgComment, IgMedia, InstagramAccount
from db.webhooks.events import Event
from db.webhooks.insert import insert_events
from platforms.base import Verdict
from tests.support.row_factory import HOUR, RowFactory

PROVIDER = "instagram"
SENT_AT = 1763800000  # seconds; the time of a delivery unless a test says otherwise


@dataclass
class InstagramWebhookHarness(RowFactory):
    services: object = None
    _numbers: object = field(default_factory=lambda: itertools.count(1))

    def create_login(self, user_id=None, *, open_id=None, **columns):
        """A connected person; the tokens are no real ones."""
        with self.database.transaction() as session:
            login = Account(
                user_id=user_id or self.create_user(),
                provider=PROVIDER,
                open_id=open_id or f"1015{next(self._numbers):013}",
                access_token_encrypted="sealed",
                scope="instagram_basic",
                expires_at=func.now() + 1000 * HOUR,
                **columns,
            )
            session.add(login)
            session.flush()
            return login.id

    def create_destination(self, login_id=None, **columns):
        """A chosen account of a login."""
        login = self.account(login_id or self.create_login())
        number = next(self._numbers)
        defaults = {
            "ig_business_id": f"1784{number:013}",
            "username": f"bakery{number}",
            "access_level": "FULL",
            "selected": True,
        }
        with self.database.transaction() as session:
            row = InstagramAccount(
                user_id=login.user_id, oauth_account_id=login.id, **{**defaults, **columns}
            )
            session.add(row)
            session.flush()
            return row

    def create_media(self, destination, ig_id, **columns):
        with self.database.transaction() as session:
            media = IgMedia(
                instagram_account_id=destination.id, ig_id=ig_id, media_type="IMAGE", **columns
            )
            session.add(media)
            session.flush()
            return media.id

    def create_endpoint(self, user_id, *events):
        with self.database.transaction() as session:
            session.add(
                Endpoint(
                    user_id=user_id,
                    url="https://host.example/hook",
                    description="",
                    events=list(events),
                )
            )

    def store_changes(self, account_id, *changes, time=SENT_AT):
        """Store one delivery about this account as the web process does; return the row ids."""
        entry = {"id": account_id, "time": time, "changes": list(changes)}
        return self.store_body({"object": PROVIDER, "entry": [entry]})

    def store_body(self, body):
        with self.database.transaction() as session:
            return [result.id for result in insert_events(session, self.read_body(body))]

    def read_body(self, body):
        """The events of a delivery that is signed correctly, as the web process stores them."""
        delivery = IncomingDelivery(
            PROVIDER,
            json.dumps(body).encode(),
            Verdict(ok=True, reason="ok"),
            None,
            self.services.webhook_adapters[PROVIDER],
            self.services.key_ring,
        )
        return delivery.to_new_events()

    def process_events(self):
        return run_jobs(WEBHOOK_JOB_TYPE, self.database, self.services)

    def apply_changes(self, account_id, *changes, time=SENT_AT):
        """Store and apply a delivery; return its rows."""
        ids = self.store_changes(account_id, *changes, time=time)
        self.process_events()
        return self.all(select(Event).where(Event.id.in_(ids)).order_by(Event.id))

    def all(self, query):
        with self.database.transaction() as session:
            return list(session.scalars(query))

    def comments(self):
        return self.all(select(IgComment).order_by(IgComment.ig_id))

    def media(self, ig_id):
        (row,) = self.all(select(IgMedia).where(IgMedia.ig_id == ig_id))
        return row

    def messages(self):
        rows = self.all(select(OutboxMessage).order_by(OutboxMessage.id))
        return [json.loads(row.body) for row in rows]

    def dump_tables(self):
        """Return every row of every table as text."""
        with self.database.transaction() as session:
            tables = session.scalars(
                text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
            ).all()
            return "\n".join(
                f"{table}: {row}"
                for table in tables
                for row in session.scalars(text(f'SELECT t::text FROM "{table}" AS t'))
            )


def comment_change(comment_id, *, media="18000000000000001", author="77001", **value):
    """A change of field `comments`; a value of None leaves the field out."""
    fields = {
        "id": comment_id,
        "from": author and {"id": author, "username": f"user{author}"},
        "media": media and {"id": media, "media_product_type": "FEED"},
        "text": "So good",
        **value,
    }
    known = {name: item for name, item in fields.items() if item is not None}
    return {"field": "comments", "value": known}


def mention_change(media_id, comment_id=None):
    value = {"media_id": media_id} | ({} if comment_id is None else {"comment_id": comment_id})
    return {"field": "mentions", "value": value}


def story_change(media_id, **counts):
    return {"field": "story_insights", "value": {"media_id": media_id, **counts}}
