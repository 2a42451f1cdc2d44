"""The result of one check of `signalpost doctor`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DoctorCheck:
    """`message` says what was found; `advice` says what to do."""

    name: str
    ok: bool
    message: str
    advice: str = ""
