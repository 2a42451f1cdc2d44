"""Checks of `signalpost doctor` about media files: room, rights, and who reads them."""

import os
from collections.abc import Iterator

from core.bootstrap import Services
from core.errors import CoreError
from core.health.doctor_check import DoctorCheck
from core.media.inspection import confinement_layers

STORE_ADVICE = (
    "set MEDIA_URL=file:///a/writable/directory on a disk with room for the uploads, or"
    " MEDIA_URL=s3://bucket/prefix and the settings MEDIA_BUCKET_…"
)
CONFINEMENT_ADVICE = (
    "use a kernel with Landlock and seccomp (Linux 5.13 or newer), or allow both in the container"
)


def check_media(services: Services) -> Iterator[DoctorCheck]:
    yield check_store(services)
    yield check_confinement()


def check_store(services: Services) -> DoctorCheck:
    """Write, read and delete a file, as an upload does."""
    try:
        message = services.media.check_access()
        services.media.require_space(1)
    except (CoreError, OSError) as error:
        return DoctorCheck("media", ok=False, message=str(error), advice=STORE_ADVICE)
    return DoctorCheck("media", ok=True, message=message)


def check_confinement() -> DoctorCheck:
    """Say what confines the processes that read files of users."""
    try:
        layers = confinement_layers()
    except CoreError as error:
        return DoctorCheck("media readers", ok=False, message=str(error))
    expected = {"limits", "Landlock", "seccomp"} | ({"own user"} if os.geteuid() == 0 else set())
    missing = sorted(expected - set(layers))
    if missing:
        message = f"are confined by {', '.join(layers)}; {', '.join(missing)} cannot be had here"
        return DoctorCheck("media readers", ok=False, message=message, advice=CONFINEMENT_ADVICE)
    return DoctorCheck("media readers", ok=True, message=f"are confined by {', '.join(layers)}")
