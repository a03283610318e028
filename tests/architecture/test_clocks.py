"""No test reads the clock while it is imported: minutes may pass before it runs."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_CLOCKS = {"now", "utcnow", "today", "time", "time_ns", "monotonic"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def _run_at_import(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node evaluated when the module is imported: none of a function's body."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, _FUNCTIONS):
            outside: list[ast.expr | None] = [*child.args.defaults, *child.args.kw_defaults]
            if not isinstance(child, ast.Lambda):
                outside += child.decorator_list
            for each in filter(None, outside):
                yield each
                yield from _run_at_import(each)
        else:
            yield child
            yield from _run_at_import(child)


def _readings(source: str) -> list[int]:
    """The lines on which the clock is read at import."""
    return [
        node.lineno
        for node in _run_at_import(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _CLOCKS
        and ast.unparse(node.func.value).partition(".")[0] in {"datetime", "date", "time"}
    ]


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("NOW = datetime.now(UTC)", [1]),
        ("class A:\n    now = time.time()", [2]),
        ("def f(now=datetime.datetime.now()): ...", [1]),
        ("@parametrize('at', [time.time() + 1])\ndef f(at): ...", [1]),
        ("def f():\n    return time.time()", []),
        ("clock = lambda: time.time()", []),
    ],
)
def test_readings_at_import_are_found(source, lines):
    assert _readings(source) == lines


def test_no_test_reads_the_clock_while_it_is_imported():
    tests = [*ROOT.glob("services/*/tests/**/*.py"), *ROOT.glob("gateway/tests/**/*.py")]
    tests += [*ROOT.glob("deploy/*/tests/**/*.py"), *ROOT.glob("tests/**/*.py")]
    assert len(tests) > 100
    found = {
        f"{path.relative_to(ROOT)}:{line}" for path in tests for line in _readings(path.read_text())
    }
    assert not found, "read the clock inside the test, or in a fixture"
