"""The model of what `/api/instagram/publish` answers, for the API description only."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

CAMEL_ANSWER = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class PublicationStep(BaseModel):
    name: str | None
    state: str | None
    at: datetime | None


class PublicationFields(BaseModel):
    """Which fields there are beside the first ones depends on the status."""

    model_config = CAMEL_ANSWER

    id: int
    platform: str
    type: str | None
    status: str
    status_url: str
    steps: list[PublicationStep]
    post_id: str | None = None
    url: str | None = None
    permalink: str | None = None
    timestamp: datetime | None = None
    caption: str | None = None
    metadata: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    item: int | None = None
    checking: str | None = None


class PublicationMeta(BaseModel):
    model_config = CAMEL_ANSWER

    timestamp: datetime
    request_id: str
    version: str


class PublicationAnswer(BaseModel):
    success: Literal[True]
    data: PublicationFields
    meta: PublicationMeta
