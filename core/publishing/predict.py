"""What a publication looks like once the results of a step are recorded. Pure.

So the plan of the next step is written down together with the results, which saves a claim. The
claim that runs the planned step decides again.
"""

from collections.abc import Sequence
from dataclasses import replace

from platforms.base import Phase
from platforms.publishing import (
    AbsenceReported,
    Part,
    PartCreated,
    PartDiscarded,
    PartFailed,
    PartReported,
    PartSent,
    PostVisible,
    ProgressReported,
    Publication,
    StepResult,
    WaitFor,
)

UNPREDICTABLE = (AbsenceReported, PartDiscarded, PartFailed, PostVisible, WaitFor)
"""After these results nothing is planned: the post waits, has ended, or its state decides."""


def predict_publication(
    publication: Publication, results: Sequence[StepResult]
) -> Publication | None:
    """The publication after the results; None if nothing can be planned for it."""
    if not results or any(isinstance(result, UNPREDICTABLE) for result in results):
        return None
    phase = publication.phase or Phase.RECEIVING
    parts = {part.position: part for part in publication.parts}
    for result in results:
        match result:
            case PartCreated():
                parts[result.position] = build_part(result, publication)
            case PartReported(position=position) if position in parts:
                parts[position] = replace(
                    parts[position], status=result.status, status_text=result.status_text
                )
            case PartSent(position=position) if position in parts:
                parts[position] = replace(parts[position], next_offset=result.next_offset)
            case ProgressReported(progress=progress):
                phase = progress.phase
    return replace(
        publication,
        parts=tuple(parts[position] for position in sorted(parts)),
        phase=phase,
        is_unconfirmed=False,
        is_offset_certain=True,
    )


def build_part(result: PartCreated, publication: Publication) -> Part:
    expires_at = None if result.lifetime is None else publication.now + result.lifetime
    return Part(
        position=result.position,
        role=result.role,
        handle=result.handle,
        status=result.status,
        created_at=publication.now,
        expires_at=expires_at,
        upload_url=result.upload_url,
    )
