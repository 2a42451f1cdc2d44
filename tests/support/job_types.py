"""Copies of job types with other settings, or with other functions in place of their methods."""

from copy import copy


def with_changes(job_type, **changes):
    """A changed copy; a function given for a method is called without `self`."""
    changed = copy(job_type)
    for name, value in changes.items():
        assert hasattr(changed, name), f"job types have no {name}"
        setattr(changed, name, value)
    return changed
