"""An endpoint of somebody, a receiver that plays by script, and a worker who delivers."""

from dataclasses import dataclass, field

from sqlalchemy import func, select, update

from core import endpoints, outbox
from core.engine.work import run
from db.deliveries import Delivery, Try
from db.endpoints import Endpoint, EndpointSecret
from db.outbox import Message


@dataclass
class LetterBox:
    """The host application's letter box, and our side of it. `server` is the receiver."""

    database: object
    world: object
    tenants: object
    server: object
    secrets: dict = field(default_factory=dict)

    def an_endpoint(self, user_id=None, *, path="/hook", **more):
        """Its id; its secret is in `secrets`."""
        with self.database.transaction() as session:
            owner = user_id or self.tenants.a_user()
            url = self.server.url + path
            made = endpoints.make(session, self.world, owner, url=url, **more)
            self.secrets[made.endpoint.id] = made.secret.reveal()
            return made.endpoint.id

    def tells(self, user_id, kind="post.published", subject="post:1", **data):
        with self.database.transaction() as session:
            outbox.tell(session, [outbox.News(user_id, kind, subject, data)])

    def a_delivery(self, **endpoint):
        """One on its way to a new endpoint: ids of both."""
        endpoint_id = self.an_endpoint(**endpoint)
        self.tells(self.endpoint(endpoint_id).user_id)
        (delivery,) = self.deliveries(endpoint_id)
        return delivery.id, endpoint_id

    def works(self):
        """As a worker would, with everything due."""
        self.change(Delivery, Delivery.due_at.is_not(None), due_at=func.now())
        return run(outbox.WORK, self.database, self.world)

    def works_on(self):
        """As a worker would, with what is really due."""
        return run(outbox.WORK, self.database, self.world)

    def endpoint(self, endpoint_id):
        return self.one(select(Endpoint).where(Endpoint.id == endpoint_id))

    def delivery(self, delivery_id):
        return self.one(select(Delivery).where(Delivery.id == delivery_id))

    def deliveries(self, endpoint_id):
        wanted = select(Delivery).where(Delivery.endpoint_id == endpoint_id)
        return self.all(wanted.order_by(Delivery.id))

    def tries(self, delivery_id):
        return self.all(select(Try).where(Try.delivery_id == delivery_id).order_by(Try.id))

    def messages(self, user_id):
        return self.all(select(Message).where(Message.user_id == user_id).order_by(Message.id))

    def sealed(self, endpoint_id):
        return self.all(select(EndpointSecret).where(EndpointSecret.endpoint_id == endpoint_id))

    def change(self, model, *wanted, **values):
        with self.database.transaction() as session:
            changed = update(model).where(*wanted).values(**values)
            session.execute(changed, execution_options={"synchronize_session": False})

    def one(self, wanted):
        with self.database.transaction() as session:
            return session.scalars(wanted).one()

    def all(self, wanted):
        with self.database.transaction() as session:
            return list(session.scalars(wanted))
