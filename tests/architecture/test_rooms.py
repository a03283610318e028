"""What is where in a service, and what may be said there."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("users", "catalog", "interactions", "recommender", "analytics")
ROOMS = {
    "__init__", "__main__", "settings", "wiring", "commands", "rpc", "subscriptions", "jobs",
    "operations", "store", "tables", "messages", "domain", "migrations",
}  # fmt: skip
MORE_ROOMS = {"recommender": {"ranking"}, "catalog": {"tmdb"}}
# ADR 0032: values that the catalog makes by the million are structs.
MORE_IN_DOMAIN = {"catalog": {"msgspec"}}
TESTS = ("tests", "proto/tests", "gateway/tests", "services/*/tests", "deploy/*/tests")
CHANCE = ("uuid", "secrets", "random", "token_hex", "token_urlsafe")
NUMERIC = {"numpy", "scipy", "sklearn", "implicit", "sparse_dot_topn", "threadpoolctl"}


def _package(service: str) -> Path:
    return ROOT / "services" / service / "src" / service


def _modules(folder: Path) -> Iterator[Path]:
    return folder.rglob("*.py")


def _room(service: str, name: str) -> list[Path]:
    """The files of one room, be it a module or a package."""
    package = _package(service)
    module = package / f"{name}.py"
    return [module] if module.exists() else sorted(_modules(package / name))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _calls(path: Path, names: set[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{node.lineno} .{node.func.attr}("
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in names
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_the_rooms_of_the_house_and_no_other(service: str):
    entries = {
        path.stem
        for path in _package(service).iterdir()
        if path.suffix == ".py" or (path.is_dir() and path.name != "__pycache__")
    }
    assert entries - ROOMS - MORE_ROOMS.get(service, set()) == set()


@pytest.mark.parametrize("service", SERVICES)
def test_nobody_commits(service: str):
    found = [call for path in _modules(_package(service)) for call in _calls(path, {"commit"})]
    assert found == []


@pytest.mark.parametrize("service", [*SERVICES, "gateway"])
def test_streams_and_celery_are_reached_through_the_chassis_alone(service: str):
    folder = ROOT / "gateway" / "src" if service == "gateway" else _package(service)
    jobs = set(_room(service, "jobs")) if service != "gateway" else set[Path]()
    forbidden = {"xadd", "delay", "apply_async", "send_task"}
    outside = [path for path in _modules(folder) if path not in jobs]
    assert [call for path in outside for call in _calls(path, forbidden)] == []


@pytest.mark.parametrize("service", SERVICES)
def test_the_domain_is_plain_python(service: str):
    allowed = {"chassis.errors"} | MORE_IN_DOMAIN.get(service, set())
    own = f"{service}.domain"
    foreign = {
        (path.name, name)
        for path in _room(service, "domain")
        for name in _imports(path)
        if name not in allowed
        and name.partition(".")[0] not in sys.stdlib_module_names
        and name != own
        and not name.startswith(f"{own}.")
    }
    assert foreign == set()


def test_ranking_is_numbers_in_and_numbers_out():
    own = ("recommender.ranking", "recommender.domain", "chassis.errors")
    foreign = {
        (path.name, name)
        for path in _room("recommender", "ranking")
        for name in _imports(path)
        if not name.startswith(own)
        and name.partition(".")[0] not in sys.stdlib_module_names | NUMERIC
    }
    assert foreign == set()


@pytest.mark.parametrize("service", SERVICES)
def test_a_migration_environment_is_three_lines(service: str):
    text = (_package(service) / "migrations" / "env.py").read_text()
    code = [line for line in text.splitlines() if line and not line.startswith(('"""', "#"))]
    assert len(code) == 3


def test_parameters_of_tests_hold_no_chance() -> None:
    """Both of two workers must collect the same names."""
    folders = [folder for pattern in TESTS for folder in ROOT.glob(pattern)]
    files = [path for folder in folders for path in _modules(folder)]
    assert len(files) > 50
    found = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in files
        for call in _calls_of(ast.parse(path.read_text()), ("parametrize",))
        if _calls_of(call, CHANCE)
    ]
    assert found == []


def _calls_of(tree: ast.AST, names: tuple[str, ...]) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and {name.strip("_0123456789") for name in ast.unparse(node.func).split(".")} & {*names}
    ]
