"""Measures of conditions about the stores: broker, Redis, standbys of Postgres, media files."""

from core.bootstrap import Services
from core.config.broker_urls import is_same_server
from core.errors import CoreError
from core.health.measurement import Measurement, Probes
from db.ops.alert_queries import AlertQueries
from db.session import Session

GIGABYTE = 10**9
ENOUGH_FREE_BYTES = 20 * GIGABYTE  # five videos of the largest size


def probe_broker(probes: Probes) -> Measurement:
    """1 if the broker does not answer."""
    if probes.ping_broker is None:
        return Measurement(0.0)
    return Measurement(float(not probes.ping_broker()))


def probe_redis(probes: Probes) -> Measurement:
    """1 if Redis takes no writes. If it is the broker as well, that alert is enough."""
    settings = probes.services.settings
    if is_same_server(settings.redis_url, settings.broker_url):
        return Measurement(0.0)
    return Measurement(float(probes.services.redis.find_refusal() is not None))


def count_missing_standbys(session: Session, _services: Services) -> Measurement:
    """1 if Postgres is to wait for synchronous standbys and has none."""
    queries = AlertQueries(session)
    is_missing = queries.needs_standby() and queries.count_synchronous_standbys() == 0
    return Measurement(float(is_missing))


def probe_replica(probes: Probes) -> Measurement:
    """1 if no list is read from the replica although one is set."""
    replica = probes.services.replica
    if replica is None:
        return Measurement(0.0)
    replica.start()
    verdict = replica.verdict
    if verdict is None or verdict.fault is None:
        return Measurement(0.0)
    return Measurement(1.0, {"reason": verdict.fault.words})


def measure_media_use(probes: Probes) -> Measurement:
    """Percentage of the room for media files that is in use; 0 while there is enough of it.

    A store that takes no file, for whatever reason, counts as full. That is tried where uploads
    are received; a monitor in a process of its own may not have the folder.
    """
    store = probes.services.media_store
    if store is None:
        return Measurement(0.0)
    space = store.read_space()
    details = {"freeGB": round(space.available / GIGABYTE, 1)} if space else {}
    if probes.services.settings.role == "web":
        try:
            store.delete(store.create_file())
        except (CoreError, OSError) as error:
            return Measurement(100.0, {**details, "reason": str(error)})
    if space is None or space.available >= ENOUGH_FREE_BYTES:
        return Measurement(0.0, details)
    usable = max(space.total - space.least, 1)
    return Measurement(100 * (1 - space.available / usable), details)
