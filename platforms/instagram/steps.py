"""Which step an Instagram post needs next, and which of them may be repeated. No calls.

A post needs containers (`create`, `send`), waits until they are ready (`check`), joins them
(`create_parent`), becomes public (`publish`), and is then described (`details`) or, if its id is
not known, looked for (`find`).
"""

from collections.abc import Mapping
from datetime import timedelta

from platforms.base import Phase
from platforms.instagram.containers import (
    ContainerState,
    is_alive,
    plan_items,
    plan_parent,
)
from platforms.instagram.match import publish_began_at
from platforms.publishing import (
    NO_STEP,
    RECONCILE_STEP,
    MediaItem,
    Part,
    Publication,
    Safety,
    StepRule,
)

CREATE, CREATE_PARENT, SEND, CHECK = "create", "create_parent", "send", "check"
PUBLISH, DETAILS, FIND = "publish", "details", "find"

STEPS: Mapping[str, StepRule] = {
    rule.name: rule
    for rule in (
        StepRule(CREATE, "publish"),
        StepRule(SEND, "upload", is_upload=True),
        StepRule(CHECK, "read"),
        StepRule(CREATE_PARENT, "publish"),
        StepRule(PUBLISH, "publish"),
        StepRule(DETAILS, "read"),
        StepRule(FIND, "read"),
        StepRule(RECONCILE_STEP, "read"),
    )
}
SAFETY_BY_STEP: Mapping[str, Safety] = {
    CREATE: Safety.REPLACEABLE,
    CREATE_PARENT: Safety.REPLACEABLE,
    PUBLISH: Safety.UNSAFE,
}
ENDED_PHASES = frozenset({Phase.FAILED, Phase.CANCELLED})
SEARCH_TIME = timedelta(days=1)  # for how long a post without an id or a permalink is looked for


def find_next_step(publication: Publication) -> str:
    """Return the step that the post needs next."""
    if publication.phase in ENDED_PHASES:
        return NO_STEP
    if publication.phase is Phase.PUBLISHED or publication.post_ids:
        return find_closing_step(publication)
    if publication.is_unconfirmed and not publication.times_absent:
        return RECONCILE_STEP
    return find_preparing_step(publication)


def find_preparing_step(publication: Publication) -> str:
    """Return what a post needs that is not public yet."""
    parent = publication.get_part(0)
    if parent is not None and is_status(parent, ContainerState.PUBLISHED):
        return CHECK  # public, although the answer to the publish call is not recorded
    if plan_parent(publication) is None:
        return find_item_step(publication) or PUBLISH
    if not is_missing(parent):
        return PUBLISH if is_ready(parent, publication) else CHECK
    return find_item_step(publication) or CREATE_PARENT


def find_closing_step(publication: Publication) -> str:
    """Return what a public post still lacks: its id, or the facts about it."""
    since = publication.published_at or publish_began_at(publication)
    is_over = publication.now - since >= SEARCH_TIME
    if not publication.post_ids:
        return NO_STEP if is_over else FIND
    return NO_STEP if publication.permalink or is_over else DETAILS


def find_item_step(publication: Publication) -> str | None:
    """Return what the containers with media need; None if all are ready."""
    plans = plan_items(publication)
    parts = {plan.position: publication.get_part(plan.position) for plan in plans}
    if any(is_missing(part) for part in parts.values()):
        return CREATE
    if any(needs_bytes(plan.item, parts[plan.position]) for plan in plans):
        return SEND
    is_finished = all(is_ready(part, publication) for part in parts.values())
    return None if is_finished else CHECK


def find_unready_parts(publication: Publication) -> list[Part]:
    """Return the parts whose status has to be asked for."""
    parent = publication.get_part(0)
    if plan_parent(publication) is not None and parent is not None and parent.handle is not None:
        return [parent]
    parts = [publication.get_part(plan.position) for plan in plan_items(publication)]
    return [
        part
        for part in parts
        if part is not None and not is_missing(part) and not is_ready(part, publication)
    ]


def is_missing(part: Part | None) -> bool:
    return part is None or part.handle is None


def is_ready(part: Part | None, publication: Publication) -> bool:
    """Return whether the platform has said that the part is finished, and it is not too old.

    Its lifetime is known from the documentation only, so after that the platform is asked again.
    """
    return (
        part is not None
        and is_alive(part, publication)
        and is_status(part, ContainerState.FINISHED)
    )


def is_status(part: Part, status: ContainerState) -> bool:
    return part.status == status


def needs_bytes(item: MediaItem | None, part: Part | None) -> bool:
    """Return whether the part waits for bytes of ours. Not while it has a status: then all came."""
    if item is None or part is None or part.upload_url is None or part.status is not None:
        return False
    return item.size is None or part.next_offset < item.size
