"""What the sandbox keeps of publishing beside containers and media; guarded by the state's lock."""

from dataclasses import dataclass, field
from typing import Any

from platforms.sandbox.video_inspector import VideoProbeCache


@dataclass(frozen=True)
class PublishRecord:
    """One media that was really published; it stays when the media is deleted."""

    media_id: str
    account_id: str
    container_id: str
    media_product_type: str
    media_type: str
    caption: str
    at: float

    @property
    def is_story(self) -> bool:
        return self.media_product_type == "STORY"


@dataclass
class PublishingRecords:
    """`records`: in the order of publication. `outcomes`: what the next containers of an account
    shall become, by account, from the control API.
    """

    records: list[PublishRecord] = field(default_factory=list)
    outcomes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    video_probes: VideoProbeCache = field(default_factory=VideoProbeCache)

    def of_account(self, account_id: str) -> list[PublishRecord]:
        return [record for record in self.records if record.account_id == account_id]
