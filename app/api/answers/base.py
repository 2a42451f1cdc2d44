"""What the models of answers have in common. They describe answers, and are checked by tests only:
an answer is not validated before it is sent.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.alias_generators import to_camel

Row = Annotated[int, Field(description="an id", ge=1)]
Count = Annotated[int, Field(ge=0)]
Cursor = Annotated[
    str | None, Field(description="the `cursor` of the next page; null on the last one")
]
FreeObject = dict[str, Any]
"""A JSON object whose fields depend on what it describes."""


class AnswerModel(BaseModel):
    """A JSON object in an answer, with names in snake case. It may gain fields.

    What pydantic compiles is built when the description of the API is asked for: 0.1 s of CPU that
    no web process needs at its start.
    """

    model_config = ConfigDict(defer_build=True)


class CamelAnswerModel(AnswerModel):
    """A JSON object in an answer, with names in camel case."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


def build_envelope(name: str, fields: dict[str, Any]) -> type[AnswerModel]:
    """Build the model of a whole answer: `success`, and these fields by name."""
    definitions: dict[str, Any] = {key: (kind, ...) for key, kind in fields.items()}
    return create_model(name, __base__=AnswerModel, success=(Literal[True], ...), **definitions)
