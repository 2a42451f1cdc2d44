"""Every column that applying an update assigns is among those that webhooks write back."""

import ast
import inspect
from dataclasses import fields

import pytest

from core.post_state import transitions
from core.post_state.settle import FINAL_STATES, PostState
from core.webhooks import handlers
from db.posts.posts import FINAL_POST_STATES, POST_STATES
from db.publishing.batches import CHANGED_POST_COLUMNS, LockedPost
from db.records import tiktok_projection
from db.records.post_records import RECORD_TABLES


def assigned_attributes(variable, modules):
    """Names of the attributes that these modules assign on a variable of that name."""
    nodes = [node for module in modules for node in ast.walk(ast.parse(inspect.getsource(module)))]
    return {
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == variable
    }


def test_exactly_the_assigned_columns_of_a_post_are_written_back():
    assert assigned_attributes("post", (transitions, handlers)) == CHANGED_POST_COLUMNS
    assert {field.name for field in fields(LockedPost)} > CHANGED_POST_COLUMNS


PROJECTION_MODULES = {"tiktok": tiktok_projection}


@pytest.mark.parametrize("provider", RECORD_TABLES)
def test_exactly_the_assigned_columns_of_a_record_are_written_back(provider):
    table = RECORD_TABLES[provider]
    assigned = assigned_attributes("record", (PROJECTION_MODULES[provider],))
    assert assigned == table.changed_columns
    assert table.changed_columns < {field.name for field in fields(table.locked)}


def test_core_and_db_name_the_same_states():
    assert set(PostState) == set(POST_STATES)
    assert set(FINAL_POST_STATES) == FINAL_STATES
