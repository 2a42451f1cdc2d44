from types import SimpleNamespace

from tests.missing_packages import describe_missing_packages


def report(reason):
    return SimpleNamespace(longrepr=("file.py", 1, f"Skipped: {reason}"))


def test_a_run_ends_with_one_line_about_packages_that_are_missing():
    redis = "Redis is not installed (apt-get install redis-server)"
    line = describe_missing_packages([report(redis), report("too slow"), report(redis)])
    assert line == f"skipped because a package is missing: {redis}: 2"


def test_other_skips_are_not_mentioned():
    assert describe_missing_packages([report("not on this system")]) is None
