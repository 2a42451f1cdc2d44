"""No module imports another that imports it: a reader can begin anywhere and go down only."""

import re
from graphlib import CycleError, TopologicalSorter

import grimp
import pytest

from tests.architecture_rules import ROOT

SCRIPTS = ROOT / "app" / "static" / "pages"
PACKAGES = ("app", "bench", "chaos", "core", "db", "local", "platforms", "tasks")
IMPORT_PATTERN = re.compile(r"""(?:^import[^"']*|\bimport\()["'](\.[^"']+)["']""", re.MULTILINE)


def read_python_imports():
    """Module → the modules that it imports, also for type checks only."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    return {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}


def read_script_imports(folder):
    """Script → the scripts that it imports, at once or later."""
    return {
        path: {(path.parent / name).resolve() for name in IMPORT_PATTERN.findall(path.read_text())}
        for path in folder.rglob("*.js")
    }


def find_circle(imports):
    """Return the modules of one circle in their order, or none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_no_modules_import_each_other():
    imports = read_python_imports()
    assert len(imports) > 500
    assert find_circle(imports) == []


def test_no_scripts_import_each_other():
    imports = read_script_imports(SCRIPTS)
    assert len(imports) > 5
    assert sum(map(len, imports.values())) > 5
    assert find_circle(imports) == []


@pytest.mark.parametrize("statement", ['import { a } from "./a.js";', 'import("./a.js");'])
def test_a_circle_is_found(tmp_path, statement):
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\n')
    (tmp_path / "b.js").write_text(f"{statement}\n")
    assert len(find_circle(read_script_imports(tmp_path))) == 3  # the first of them ends it too
