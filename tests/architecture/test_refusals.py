"""Every refusal has a test that names it."""

import ast
import re
from pathlib import Path

from chassis import errors

ROOT = Path(__file__).parents[2]
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def _classes() -> list[tuple[str, set[str], Path]]:
    """Every class of ours, and the names of its bases."""
    sources = [*ROOT.glob("services/*/src/**/*.py"), *ROOT.glob("gateway/src/**/*.py")]
    return [
        (node.name, {ast.unparse(base).rpartition(".")[2] for base in node.bases}, path)
        for path in sources
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    ]


def _refusals() -> dict[str, Path]:
    known = {
        name
        for name, one in vars(errors).items()
        if isinstance(one, type) and issubclass(one, errors.Refusal)
    }
    found: dict[str, Path] = {}
    classes, before = _classes(), -1
    while len(found) > before:
        before = len(found)
        found |= {
            name: path
            for name, bases, path in classes
            if bases & (known | found.keys()) and path.name != "errors.py"
        }
    return found


def _spellings(name: str) -> tuple[str, ...]:
    """A refusal's class, its reason over gRPC, and its kind over HTTP."""
    reason = _WORD_START.sub("_", name).upper()
    return name, reason, reason.lower().replace("_", "-")


def test_every_refusal_is_named_by_a_test():
    tests = [
        path.read_text()
        for folder in (*ROOT.glob("services/*/tests"), ROOT / "gateway/tests", ROOT / "tests/e2e")
        for path in folder.rglob("*.py")
    ]
    words = set(re.findall(r"[\w-]+", " ".join(tests)))
    found = _refusals()
    assert len(found) > 40
    untested = {
        name: str(path.relative_to(ROOT))
        for name, path in found.items()
        if not words & set(_spellings(name))
    }
    assert untested == {}
