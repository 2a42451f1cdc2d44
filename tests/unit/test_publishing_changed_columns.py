"""Every column that applying an update assigns is among those that webhooks write back."""

import ast
import inspect
from dataclasses import fields

import pytest

from core.post_state import transitions
from core.post_state.settle import FINAL_STATES, PostState
from core.webhooks import handlers
from db.posts.batches import (
    CHANGED_POST_COLUMNS,
    CHANGED_TIKTOK_POST_COLUMNS,
    LockedPost,
    LockedTikTokPost,
)
from db.posts.posts import FINAL_POST_STATES, POST_STATES


def assigned_attributes(variable):
    """Names of the attributes that the two modules assign on a variable of that name."""
    nodes = [
        node
        for module in (transitions, handlers)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
    ]
    return {
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == variable
    }


@pytest.mark.parametrize(
    ("variable", "changed_columns", "row_class"),
    [
        ("post", CHANGED_POST_COLUMNS, LockedPost),
        ("tiktok_row", CHANGED_TIKTOK_POST_COLUMNS, LockedTikTokPost),
    ],
)
def test_exactly_the_assigned_columns_are_written_back(variable, changed_columns, row_class):
    assert assigned_attributes(variable) == changed_columns
    assert changed_columns < {field.name for field in fields(row_class)}


def test_core_and_db_name_the_same_states():
    assert set(PostState) == set(POST_STATES)
    assert set(FINAL_POST_STATES) == FINAL_STATES
