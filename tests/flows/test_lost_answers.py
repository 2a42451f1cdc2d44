"""Answers lost although the platform did what it was asked: asked after, never repeated blindly."""

from dataclasses import dataclass, field

import pytest

from tests.flows.brokers import until
from tests.flows.fates import PUBLISHED, fate, left
from tests.flows.guests import BIG, DIRECT, PULL, SMALL
from tests.flows.kinds import PHOTOS

pytestmark = pytest.mark.timeout(120)


@dataclass(frozen=True)
class Loss:
    """The answer to call number `nth` at that endpoint is lost in that way; the rest arrives."""

    endpoint: str
    fault: str
    nth: int = 1
    size: int = SMALL
    wish: dict = field(default_factory=dict)
    within: float = 75.0


LOSSES = {
    "of the start of an upload": Loss("video_init", "drop_after"),
    "of the start of a pull": Loss("video_init", "drop_after", wish=PULL),
    "of half of the start of a pull": Loss("video_init", "truncate", wish=PULL),
    "of a pull that a fault was reported of": Loss("video_init", "http_500", wish=PULL),
    "of a middle chunk": Loss("upload", "reset", nth=3, size=BIG),
    "of the last chunk": Loss("upload", "drop_after", nth=6, size=BIG),
    "of the only chunk": Loss("upload", "reset"),
    "of the start of pictures": Loss("content_init", "drop_after", wish=PHOTOS),
}
PATIENT = {
    "of the start of a pull, waited for": Loss("video_init", "hang", wish=PULL, within=90),
    "of the start of pictures, waited for": Loss("content_init", "hang", wish=PHOTOS, within=90),
    "of the last chunk, waited for": Loss("upload", "hang", nth=6, size=BIG, within=150),
}
"""The work is done and nothing is ever said: each is given up only when our patience ends."""


CASES = [
    *(pytest.param(loss, id=name) for name, loss in LOSSES.items()),
    *(
        pytest.param(loss, id=name, marks=[pytest.mark.chaos, pytest.mark.timeout(240)])
        for name, loss in PATIENT.items()
    ),
]


@pytest.mark.parametrize("loss", CASES)
def test_the_loss_of_an_answer_makes_no_second_publication(house, guest, loss):
    if loss.nth > 1:
        spared = {"seconds": 0, "times": loss.nth - 1}
        house.sandbox.control("faults", endpoint=loss.endpoint, kind="slow", **spared)
    house.sandbox.control("faults", endpoint=loss.endpoint, kind=loss.fault, work=True)
    post_id = guest.wish(**loss.wish, **DIRECT) if loss.wish else guest.send(loss.size)
    guest.ended(post_id, within=loss.within)
    assert loss.fault in {call["fault"] for call in house.sandbox.log(loss.endpoint)}
    assert fate(house, guest, post_id) == PUBLISHED
    until(lambda: left(house, guest) == [], what="the end of it, after the news of it")


def test_a_caller_whose_start_was_lost_is_told_so_and_nothing_is_published(house, guest):
    house.sandbox.control("faults", endpoint="video_init", kind="drop_after")
    wish = {"source": "FILE_UPLOAD", "video_size": SMALL, **DIRECT}
    answer = guest.request(wait=True, **wish)
    assert answer.status_code >= 400, answer.text
    until(lambda: left(house, guest) == [], what="the end of it")
    assert guest.publications() == 0
