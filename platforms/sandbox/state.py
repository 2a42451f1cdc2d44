"""The state that the platforms of one sandbox share: clock, scheduler, log, faults, deliveries."""

import threading
from dataclasses import dataclass, field

from platforms.sandbox.clock import Clock
from platforms.sandbox.faults import FaultRegistry
from platforms.sandbox.request_log import SandboxLog
from platforms.sandbox.scheduler import Scheduler
from platforms.sandbox.webhook_sender import WebhookSender


@dataclass
class SandboxState:
    """The shared state of one server; no state is kept at module level."""

    clock: Clock = field(default_factory=Clock)
    faults: FaultRegistry = field(default_factory=FaultRegistry)
    shutdown: threading.Event = field(default_factory=threading.Event)  # ends delayed responses

    def __post_init__(self) -> None:
        self.log = SandboxLog(self.clock)
        self.scheduler = Scheduler(self.clock)
        self.webhook_sender = WebhookSender(self.clock, self.scheduler, self.faults)

    def start(self) -> None:
        self.scheduler.start()

    def stop(self) -> None:
        self.shutdown.set()
        self.faults.clear()
        self.scheduler.stop()

    def advance(self, seconds: float) -> None:
        """Fast-forward the clock and run everything that has become due."""
        self.clock.advance(seconds)
        self.scheduler.run_due()
