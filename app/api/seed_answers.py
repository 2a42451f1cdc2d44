"""What the platforms' own routes answer: each platform describes its own."""

from app.api.answers.base import AnswerModel
from app.api.answers.table import IDEMPOTENCY_CODES, Answer
from platforms.post_requests import SeedRoute, SeedUse
from platforms.registry import PLATFORMS

TIMING_HEADERS = ("X-Correlation-Id", "X-Duration-Ms")
REQUEST_RESULT_HEADERS = ("Location", "Idempotency-Replayed")
ASKING_USES = frozenset({SeedUse.REQUEST, SeedUse.STATUS, SeedUse.QUOTA, SeedUse.CHOICES})
"""Uses in which errors of the platform can be passed on."""


def find_seed_answer(path: str) -> Answer | None:
    """Return what the route with this rule answers, if it is one of a platform's own."""
    routes = (
        route
        for platform in PLATFORMS.values()
        if platform.seed_paths is not None
        for route in platform.seed_paths.routes
    )
    return next((describe_route(route) for route in routes if route.path == path), None)


def describe_route(route: SeedRoute) -> Answer:
    is_request = route.use is SeedUse.REQUEST
    return Answer(
        (200, 202) if is_request else (200,),
        model=route.answer or AnswerModel,
        headers=(
            *(REQUEST_RESULT_HEADERS if is_request else ()),
            *(TIMING_HEADERS if route.is_timed else ()),
        ),
        codes=(*(IDEMPOTENCY_CODES if is_request else ()), *route.error_codes.values()),
        calls_platform=route.use in ASKING_USES,
    )
