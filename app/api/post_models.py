"""The body of `POST /api/posts` for each platform, for the API description only: what a platform
accepts is checked with its own models after the request's platform is known.
"""

from typing import Any, Literal, cast

from pydantic import BaseModel, create_model
from pydantic.config import JsonDict

from core.publishing import PostRequest
from core.publishing.post_request import MediaRequest
from platforms.platform import Platform
from platforms.registry import PLATFORMS

EXAMPLE_MEDIA_ID = 48211


def build_post_models() -> dict[str, type[BaseModel]]:
    """Platform → the model of a request for a post there."""
    return {name: build_post_model(platform) for name, platform in PLATFORMS.items()}


def build_post_model(platform: Platform) -> type[BaseModel]:
    title = platform.brand.title
    name_type = Literal[platform.name]  # type: ignore[name-defined]  # a value from a table
    kind_type = Literal[tuple(platform.kinds)]  # type: ignore[valid-type]  # from a table
    fields: dict[str, Any] = {
        "platform": (name_type, platform.name),
        "kind": (kind_type | None, None),
        "media": (list[build_media_model(platform)], []),  # type: ignore[misc]  # made here
    }
    if platform.options is not None:
        fields["options"] = (platform.options, platform.options())
    model = create_model(f"{title}PostRequest", __base__=PostRequest, **fields)
    example: JsonDict = {
        "platform": platform.name,
        "kind": next(iter(platform.kinds)),
        "text": "A day at the sea",
        "media": [{"media_id": EXAMPLE_MEDIA_ID}],
    }
    model.model_config["json_schema_extra"] = {"examples": [example]}
    model.model_rebuild(force=True)
    return cast("type[BaseModel]", model)


def build_media_model(platform: Platform) -> type[BaseModel]:
    title, own_fields = platform.brand.title, platform.media_options
    bases = (MediaRequest,) if own_fields is None else (MediaRequest, own_fields)
    return cast("type[BaseModel]", create_model(f"{title}Media", __base__=bases))
