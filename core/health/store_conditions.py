"""Measures of conditions about the stores: broker, Redis, standbys of Postgres, media files."""

import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

from core.bootstrap import Services
from core.config.broker_urls import is_same_server
from core.health.measurement import Measurement, Probes
from db.ops.alert_queries import AlertQueries
from db.session import Session

ENOUGH_FREE_BYTES = 20 * 2**30  # five videos of the largest size


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


def measure_media_use(probes: Probes) -> Measurement:
    """Percentage of the disk of MEDIA_URL that is in use; 0 while there is enough room."""
    media_url = probes.services.settings.media_url
    if media_url is None:
        return Measurement(0.0)
    usage = shutil.disk_usage(find_existing_folder(Path(unquote(urlsplit(media_url).path))))
    details = {"freeGB": round(usage.free / 2**30, 1)}
    if usage.free >= ENOUGH_FREE_BYTES:
        return Measurement(0.0, details)
    return Measurement(100 * usage.used / (usage.used + usage.free), details)


def find_existing_folder(folder: Path) -> Path:
    """The folder, or the nearest one above it: the store is created by the first upload."""
    return next(each for each in (folder, *folder.parents) if each.is_dir())
