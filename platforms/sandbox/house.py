"""What the platforms of one sandbox share: time, agenda, log, faults, courier. Knows none of them.

One object per server; nothing lives in a module.
"""

import threading
from dataclasses import dataclass, field

from platforms.sandbox.agenda import Agenda
from platforms.sandbox.clock import Clock
from platforms.sandbox.courier import Courier
from platforms.sandbox.faults import Faults
from platforms.sandbox.log import Log


@dataclass
class House:
    clock: Clock = field(default_factory=Clock)
    faults: Faults = field(default_factory=Faults)
    over: threading.Event = field(default_factory=threading.Event)  # ends every waiting answer

    def __post_init__(self) -> None:
        self.log = Log(self.clock)
        self.agenda = Agenda(self.clock)
        self.courier = Courier(self.clock, self.agenda, self.faults)

    def open(self) -> None:
        self.agenda.start()

    def close(self) -> None:
        self.over.set()
        self.agenda.stop()

    def advance(self, seconds: float) -> None:
        """Fast-forwards, and returns when everything that has fallen due is done."""
        self.clock.advance(seconds)
        self.agenda.catch_up()
