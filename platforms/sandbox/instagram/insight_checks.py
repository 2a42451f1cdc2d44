"""What insights of media and of accounts share: checks of lists of names, parts of values.

Source: Meta, media insights and account insights, read 2026-11-22; messages as measured in 2026.
"""

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

from platforms.sandbox.instagram.access import read_list_param
from platforms.sandbox.instagram.graph_errors import GraphError, invalid_parameter
from platforms.sandbox.instagram.metric_tables import PERIODS

RESULT_FIELDS = ("name", "period", "values", "title", "description", "id", "total_value")
Params = dict[str, Any]


def required_parameter(name: str) -> GraphError:
    return invalid_parameter(f"The parameter {name} is required")


def check_choices(param: str, values: list[str], allowed: Iterable[str]) -> None:
    """Errors: GraphError 100, with the position of the first value that is not allowed."""
    choices = tuple(allowed)
    for index, value in enumerate(values):
        if value not in choices:
            raise invalid_parameter(
                f"{param}[{index}] must be one of the following values: {', '.join(choices)}"
            )


def read_periods(params: Params) -> list[str]:
    periods = read_list_param(params, "period")
    check_choices("period", periods, PERIODS)
    return periods


def incompatible_breakdowns(names: list[str], metric: str) -> GraphError:
    return invalid_parameter(f"Incompatible breakdowns ({','.join(names)}) for metric ({metric})")


def incompatible_periods(names: list[str], metric: str) -> GraphError:
    return invalid_parameter(
        f"The following periods ({','.join(names)}) are incompatible with the metric ({metric})"
    )


def split_value(value: int, dimensions: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """Return the value with its parts by the values of each dimension; the parts add up to it."""
    parts, rest = [], value
    combinations = list(product(*dimensions.values()))
    for index, combination in enumerate(combinations, start=1):
        part = rest if index == len(combinations) else rest // 2
        rest -= part
        parts.append({"dimension_values": list(combination), "value": part})
    return {
        "value": value,
        "breakdowns": [{"dimension_keys": list(dimensions), "results": parts}],
    }
