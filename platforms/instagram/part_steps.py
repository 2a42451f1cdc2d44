"""The steps that prepare a post: make its containers, send bytes, wait until they are ready."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from platforms.errors import NotReadable, PlatformError, Rejected, Unavailable
from platforms.instagram.container_calls import (
    STATUS_FIELDS,
    UPLOAD_FIELDS,
    ContainerReport,
    CreatedContainer,
    PublishingCalls,
)
from platforms.instagram.containers import (
    CONTAINER_LIFETIME,
    ContainerPlan,
    ContainerState,
    MediaSource,
    find_cover,
    is_video,
    item_params,
    parent_params,
    plan_items,
    plan_parent,
)
from platforms.instagram.error_catalogue import INVALID_PARAMETER
from platforms.instagram.parallel_calls import run_calls
from platforms.instagram.part_results import (
    collect_results,
    result_of_error,
    result_of_unreadable,
    results_of_report,
    with_fetch_wait,
    with_wait,
)
from platforms.instagram.publishing_errors import (
    EXPIRED_CODE,
    MEDIA_NOT_FOUND_CODE,
    UNKNOWN_CONTAINER_CODE,
)
from platforms.instagram.steps import find_unready_parts, is_missing, needs_bytes
from platforms.instagram.uploads import send_video
from platforms.publishing import (
    MediaItem,
    Part,
    PartCreated,
    PartDiscarded,
    PartReported,
    PartSent,
    Publication,
    StepResult,
    StepTools,
)
from platforms.secret import Secret

MISSING_CHILD_CODES = frozenset({MEDIA_NOT_FOUND_CODE, UNKNOWN_CONTAINER_CODE, EXPIRED_CODE})


@dataclass(frozen=True)
class PartSteps:
    """Runs these steps for one post. Errors: PlatformError for what is about the whole post."""

    publication: Publication
    tools: StepTools
    calls: PublishingCalls

    def create_items(self) -> list[StepResult]:
        """Make the missing containers with media, several at a time."""
        plans = [
            plan
            for plan in plan_items(self.publication)
            if is_missing(self.publication.get_part(plan.position))
        ]
        outcomes = run_calls([partial(self._create_item, plan) for plan in plans])
        return self._collect_created(plans, outcomes)

    def create_parent(self) -> list[StepResult]:
        """Join the items of a carousel. If it lacks one of them, all are made again."""
        plan = plan_parent(self.publication)
        item_plans = plan_items(self.publication)
        parts = [self.publication.get_part(item.position) for item in item_plans]
        child_ids = [part.handle for part in parts if part is not None and part.handle is not None]
        if plan is None or len(child_ids) < len(item_plans):
            raise Rejected("the carousel lacks an item", code=MEDIA_NOT_FOUND_CODE)
        params = parent_params(self.publication, child_ids)
        try:
            container = self.calls.create_container(params)
        except Rejected as error:
            if error.code not in MISSING_CHILD_CODES:
                return self._collect_created([plan], [error])
            return [PartDiscarded(item.position, error.code, str(error)) for item in item_plans]
        return [created_part(plan, container)]

    def send_bytes(self) -> list[StepResult]:
        """Send the rest of one video, from the byte that the platform names."""
        for plan in plan_items(self.publication):
            part = self.publication.get_part(plan.position)
            if plan.item is not None and part is not None and needs_bytes(plan.item, part):
                return self._send_item(plan.item, part)
        return []

    def check_parts(self) -> list[StepResult]:
        """Ask for the status of all unfinished containers at the same time."""
        parts = find_unready_parts(self.publication)
        outcomes = run_calls([partial(self._fetch_report, part) for part in parts])
        results: list[StepResult] = []
        errors: list[PlatformError] = []
        for part, outcome in zip(parts, outcomes, strict=True):
            if isinstance(outcome, PlatformError):
                results += self._results_of_failed_check(part, outcome, errors)
            else:
                results += results_of_report(part.position, outcome)
        collected = with_fetch_wait(self.publication, collect_results(results, errors))
        return with_wait(collected, reason="Instagram prepares the post")

    def _create_item(self, plan: ContainerPlan) -> CreatedContainer:
        assert plan.item is not None  # noqa: S101 - `plan_items` has media only
        source = self._find_source(plan.item)
        try:
            return self._send_item_params(plan.item, source)
        except Rejected as error:
            if not source.is_upload or error.code != INVALID_PARAMETER.code:
                raise
        # some applications may not send bytes: then `video_url` is missing for Meta
        return self._send_item_params(plan.item, MediaSource(self._link_file(plan.item)))

    def _send_item_params(self, item: MediaItem, source: MediaSource) -> CreatedContainer:
        cover = find_cover(self.publication)
        params = item_params(
            self.publication,
            item,
            source,
            cover_url=None if cover is None else self._link_file(cover),
        )
        return self.calls.create_container(params)

    def _find_source(self, item: MediaItem) -> MediaSource:
        """Return how the file gets to the platform: only Facebook Login takes bytes of videos."""
        can_send = self.calls.graph.flavour == "facebook" and is_video(item)
        if item.is_ours and can_send and item.size:
            return MediaSource()
        return MediaSource(self._link_file(item))

    def _link_file(self, item: MediaItem) -> str | Secret:
        if item.is_ours:
            return Secret(self.tools.media_link(item))
        if item.url is None:
            raise Rejected("the media item has neither a file nor a URL", code="media_missing")
        return item.url

    def _collect_created(
        self, plans: Sequence[ContainerPlan], outcomes: Sequence[CreatedContainer | PlatformError]
    ) -> list[StepResult]:
        results: list[StepResult] = []
        errors: list[PlatformError] = []
        for plan, outcome in zip(plans, outcomes, strict=True):
            if not isinstance(outcome, PlatformError):
                results.append(created_part(plan, outcome))
            elif (result := result_of_error(plan.position, outcome)) is not None:
                results.append(result)
            else:
                errors.append(outcome)
        return with_fetch_wait(self.publication, collect_results(results, errors))

    def _fetch_report(self, part: Part, fields: str = STATUS_FIELDS) -> ContainerReport:
        """Read the status; the field with the bytes that arrived is only in Meta's SDK."""
        assert part.handle is not None  # noqa: S101 - only parts that exist are asked for
        try:
            return self.calls.fetch_container(part.handle, fields)
        except Rejected as error:
            if fields == STATUS_FIELDS or error.code != INVALID_PARAMETER.code:
                raise
        return self.calls.fetch_container(part.handle)

    def _results_of_failed_check(
        self, part: Part, error: PlatformError, errors: list[PlatformError]
    ) -> list[StepResult]:
        if isinstance(error, NotReadable):
            return [result_of_unreadable(self.publication, part.position, error)]
        if error.code in MISSING_CHILD_CODES:
            return [PartDiscarded(part.position, error.code, str(error))]
        errors.append(error)
        return []

    def _send_item(self, item: MediaItem, part: Part) -> list[StepResult]:
        report = self._fetch_report(part, UPLOAD_FIELDS)
        if report.status is not ContainerState.IN_PROGRESS:
            return results_of_report(part.position, report)
        total_size, offset = item.size or 0, report.received_bytes or 0
        if offset >= total_size:
            return completed_upload(part, total_size)
        assert part.upload_url is not None  # noqa: S101 - `needs_bytes` has seen it
        try:
            send_video(
                self.calls.graph,
                part.upload_url,
                self.tools.read_bytes(item, offset, total_size - 1),
                self.tools.token,
                offset=offset,
                total_size=total_size,
            )
        except Rejected as error:
            return [PartDiscarded(part.position, error.code, str(error))]
        except Unavailable as error:
            return self._find_progress(part, offset, total_size, error)
        return completed_upload(part, total_size)

    def _find_progress(
        self, part: Part, offset: int, total_size: int, error: Unavailable
    ) -> list[StepResult]:
        """Return what has arrived of a call that broke off. Errors: its error, if nothing has."""
        try:
            received = self._fetch_report(part, UPLOAD_FIELDS).received_bytes or 0
        except PlatformError:
            raise error from None
        if received >= total_size:
            return completed_upload(part, total_size)
        if received <= offset:
            raise error
        return [PartSent(part.position, received)]


def created_part(plan: ContainerPlan, container: CreatedContainer) -> PartCreated:
    return PartCreated(
        plan.position, plan.role, container.id, CONTAINER_LIFETIME, container.upload_url
    )


def completed_upload(part: Part, total_size: int) -> list[StepResult]:
    return [
        PartSent(part.position, total_size, is_complete=True),
        PartReported(part.position, ContainerState.IN_PROGRESS),
    ]
