"""Handler of Celery's signal for beat's start."""

from typing import Any

from celery.signals import after_task_publish, beat_init

from core.config.garbage_collection import exclude_loaded_objects
from core.config.settings import load_settings
from tasks.alive_file import AliveFile


@beat_init.connect
def watch_beat(**_: Any) -> None:
    """Show with each message that is sent that beat works."""
    exclude_loaded_objects()
    alive_file = AliveFile(load_settings().role)
    after_task_publish.connect(lambda **_: alive_file.touch(), weak=False)
