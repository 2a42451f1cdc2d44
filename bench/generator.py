"""The platform under load, in a process of its own: an order on stdin, all answers on stdout.

Closed: so many senders, each waits for its answer. Open: at a fixed rate whatever is answered,
and delays count from when a letter was due, so that a stall is not hidden by senders that wait.
"""

import gc
import json
import sys
import time

from bench.orders import Order, Told
from bench.sender import Sender


def send(order: Order) -> Told:
    sender = Sender(order)
    if order.rate is None:
        sender.greet()
    before = time.process_time()
    sender.run()
    return Told(tuple(sender.answers), sender.again, time.process_time() - before)


def main() -> None:
    gc.disable()  # for seconds only, and its pauses would be taken for the server's
    order = Order(**json.load(sys.stdin))
    json.dump(send(order)._asdict(), sys.stdout)


if __name__ == "__main__":
    main()
