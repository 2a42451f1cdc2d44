"""Outbox tests: endpoints, a receiver that answers by script, and a worker that delivers."""

from dataclasses import dataclass, field

from sqlalchemy import func, select, update

from core import endpoints, outbox
from core.jobs.runner import run_jobs
from db.outbox.deliveries import Delivery, DeliveryAttempt
from db.outbox.endpoints import Endpoint, EndpointSecret
from db.outbox.messages import OutboxMessage


@dataclass
class OutboxHarness:
    """Creates endpoints and events and delivers them. `server` is the receiver."""

    database: object
    services: object
    factory: object
    server: object
    secrets: dict = field(default_factory=dict)

    def create_endpoint(self, user_id=None, *, path="/hook", **more):
        """Create an endpoint and return its id; its secret is stored in `secrets`."""
        with self.database.transaction() as session:
            owner_id = user_id or self.factory.create_user()
            url = self.server.url + path
            created = endpoints.create_endpoint(session, self.services, owner_id, url=url, **more)
            self.secrets[created.endpoint.id] = created.secret.reveal()
            return created.endpoint.id

    def enqueue_event(self, user_id, kind="post.published", subject="post:1", **data):
        with self.database.transaction() as session:
            outbox.enqueue_events(session, [outbox.AppEvent(user_id, kind, subject, data)])

    def create_delivery(self, **endpoint):
        """Create a due delivery for a new endpoint; return the ids of both."""
        endpoint_id = self.create_endpoint(**endpoint)
        self.enqueue_event(self.endpoint(endpoint_id).user_id)
        (delivery,) = self.deliveries(endpoint_id)
        return delivery.id, endpoint_id

    def deliver_all(self):
        """Make all pending deliveries due and run the delivery job once."""
        self.update_rows(Delivery, Delivery.due_at.is_not(None), due_at=func.now())
        return run_jobs(outbox.DELIVERY_JOB_TYPE, self.database, self.services)

    def deliver_due(self):
        """Run the delivery job once, with what is due anyway."""
        return run_jobs(outbox.DELIVERY_JOB_TYPE, self.database, self.services)

    def endpoint(self, endpoint_id):
        return self.one(select(Endpoint).where(Endpoint.id == endpoint_id))

    def delivery(self, delivery_id):
        return self.one(select(Delivery).where(Delivery.id == delivery_id))

    def deliveries(self, endpoint_id):
        statement = select(Delivery).where(Delivery.endpoint_id == endpoint_id)
        return self.all(statement.order_by(Delivery.id))

    def load_attempts(self, delivery_id):
        return self.all(
            select(DeliveryAttempt)
            .where(DeliveryAttempt.delivery_id == delivery_id)
            .order_by(DeliveryAttempt.id)
        )

    def messages(self, user_id):
        return self.all(
            select(OutboxMessage).where(OutboxMessage.user_id == user_id).order_by(OutboxMessage.id)
        )

    def encrypted_secrets(self, endpoint_id):
        return self.all(select(EndpointSecret).where(EndpointSecret.endpoint_id == endpoint_id))

    def update_rows(self, model, *conditions, **values):
        with self.database.transaction() as session:
            statement = update(model).where(*conditions).values(**values)
            session.execute(statement, execution_options={"synchronize_session": False})

    def one(self, statement):
        with self.database.transaction() as session:
            return session.scalars(statement).one()

    def all(self, statement):
        with self.database.transaction() as session:
            return list(session.scalars(statement))
