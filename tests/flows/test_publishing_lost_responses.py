"""Responses that are lost although the call had its effect: reconciled, never repeated blindly."""

from dataclasses import dataclass, field

import pytest

from tests.flows.api_user import CHUNKED_FILE_BYTES, DIRECT_FIELDS, PULL_FIELDS, SMALL_FILE_BYTES
from tests.flows.brokers import wait_until
from tests.flows.post_kinds import PHOTO_FIELDS
from tests.flows.post_outcomes import PUBLISHED_ONCE, find_open_work, load_outcome


@dataclass(frozen=True)
class LostResponse:
    """The response to call number `nth` at that endpoint is lost by that fault; others arrive."""

    endpoint: str
    fault: str
    nth: int = 1
    size: int = SMALL_FILE_BYTES
    post_fields: dict = field(default_factory=dict)
    within: float = 75.0


LOST_RESPONSES = {
    "of the start of an upload": LostResponse("video_init", "drop_after"),
    "of the start of a pull": LostResponse("video_init", "drop_after", post_fields=PULL_FIELDS),
    "half of the start of a pull": LostResponse("video_init", "truncate", post_fields=PULL_FIELDS),
    "of the start of a pull, which returned 500": LostResponse(
        "video_init", "http_500", post_fields=PULL_FIELDS
    ),
    "of a middle chunk": LostResponse("upload", "reset", nth=3, size=CHUNKED_FILE_BYTES),
    "of the last chunk": LostResponse("upload", "drop_after", nth=6, size=CHUNKED_FILE_BYTES),
    "of the only chunk": LostResponse("upload", "reset"),
    "of the start of photos": LostResponse("content_init", "drop_after", post_fields=PHOTO_FIELDS),
}
LOST_UNTIL_TIMEOUT = {
    "of the start of a pull, until the timeout": LostResponse(
        "video_init", "hang", post_fields=PULL_FIELDS, within=90
    ),
    "of the start of photos, until the timeout": LostResponse(
        "content_init", "hang", post_fields=PHOTO_FIELDS, within=90
    ),
    "of the last chunk, until the timeout": LostResponse(
        "upload", "hang", nth=6, size=CHUNKED_FILE_BYTES, within=150
    ),
}
"""The call has its effect and no response ever comes: our timeout ends the call."""


LOSS_CASES = [
    *(pytest.param(loss, id=name) for name, loss in LOST_RESPONSES.items()),
    *(
        pytest.param(loss, id=name, marks=pytest.mark.chaos)
        for name, loss in LOST_UNTIL_TIMEOUT.items()
    ),
]


@pytest.mark.parametrize("loss", LOSS_CASES)
def test_a_lost_response_makes_no_second_publication(stack, api_user, loss):
    if loss.nth > 1:
        delay = {"seconds": 0, "times": loss.nth - 1}
        stack.sandbox.control("faults", endpoint=loss.endpoint, kind="slow", **delay)
    stack.sandbox.control("faults", endpoint=loss.endpoint, kind=loss.fault, work=True)
    if loss.post_fields:
        post_id = api_user.create_post(**loss.post_fields, **DIRECT_FIELDS)
    else:
        post_id = api_user.publish_file(loss.size)
    api_user.wait_until_final(post_id, within=loss.within)
    assert loss.fault in {call["fault"] for call in stack.sandbox.log(loss.endpoint)}
    assert load_outcome(stack, api_user, post_id) == PUBLISHED_ONCE
    wait_until(lambda: find_open_work(stack, api_user) == [], what="the end of all work")


def test_a_caller_whose_start_was_lost_gets_an_error_and_nothing_is_published(stack, api_user):
    stack.sandbox.control("faults", endpoint="video_init", kind="drop_after")
    fields = {"source": "FILE_UPLOAD", "video_size": SMALL_FILE_BYTES, **DIRECT_FIELDS}
    response = api_user.request_post(wait=True, **fields)
    assert response.status_code >= 400, response.text
    wait_until(lambda: find_open_work(stack, api_user) == [], what="the end of all work")
    assert api_user.count_publications() == 0
