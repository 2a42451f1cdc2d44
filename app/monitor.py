"""Starts the monitor and the mails of notifications in a web process: neither beat nor worker."""

from app.http.context import Container
from app.notification_mailer import NotificationMailer
from core.bootstrap import build_database
from core.health.monitor import Monitor
from tasks import broker_ping

MONITOR_IN_WEB = "web"


def start_monitor(container: Container) -> Monitor | None:
    """Start it in threads of its own, with connections of its own; None if ALERT_MONITOR is off."""
    settings = container.settings
    if settings.alerts.monitor != MONITOR_IN_WEB:
        return None
    database = build_database(settings, role="monitor")
    monitor = Monitor(database, container.services, broker_ping.is_broker_reachable)
    monitor.start()
    NotificationMailer(database, settings, container.services.now).start()
    return monitor
