"""Routes that compile what builds their URLs late: the URLs are those of Werkzeug's own routes."""

import pytest
from werkzeug.routing import BuildError, Map, Rule

from app.http.url_rules import LazyRule

PATHS = {
    "/": {},
    "/posts": {"status": "failed", "q": "é"},
    "/posts/<int:post_id>": {"post_id": 7, "page": 2},
    "/<rule>/<path:values>": {"rule": "a b", "values": "c/d"},
    "/media/<name>.<any(png,jpg):kind>": {"name": "a", "kind": "png"},
}


def bind_routes(rule_class):
    routes = Map([rule_class(path, endpoint=path) for path in PATHS])
    return routes, routes.bind("example.com")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("append_unknown", [True, False])
def test_the_urls_are_those_of_ordinary_routes(path, append_unknown):
    _, lazy = bind_routes(LazyRule)
    _, ordinary = bind_routes(Rule)
    for _ in range(2):  # the second URL is built by what the first one compiled
        assert lazy.build(path, PATHS[path], append_unknown=append_unknown) == ordinary.build(
            path, PATHS[path], append_unknown=append_unknown
        )


def test_a_missing_value_is_the_same_error():
    with pytest.raises(BuildError):
        bind_routes(LazyRule)[1].build("/posts/<int:post_id>", {})


def test_only_what_was_used_is_compiled():
    routes, addresses = bind_routes(LazyRule)
    waiting = [rule._build.__name__ for rule in routes.iter_rules()]
    assert waiting == ["build_first_url"] * len(PATHS)
    addresses.build("/posts", {})
    compiled = [rule.rule for rule in routes.iter_rules() if is_compiled(rule)]
    assert compiled == ["/posts"]
    assert [is_compiled(rule) for rule in bind_routes(Rule)[0].iter_rules()] == [True] * len(PATHS)


def is_compiled(rule):
    builders = (rule._build, rule._build_unknown)
    return any(builder.__name__ != "build_first_url" for builder in builders)
