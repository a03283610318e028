"""docker-compose.yml held against the settings of the programs it starts; needs no engine."""

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from make_env import filled

from launcher.edge import DYNAMIC, write_configuration

ROOT = Path(__file__).parents[3]
SERVERS = {"postgres", "redis-streams", "redis-cache", "traefik"}
# Read by a command of its own, not by the settings.
ASKED_BY_COMMANDS = {"USER_PASSWORD"}
VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::([-?])([^}]*))?\}")

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(set(CONTAINERS) - SERVERS)
ONCE = {name for name, container in CONTAINERS.items() if container["restart"] == "no"}
EXAMPLE = (ROOT / ".env.example").read_text()


def _given() -> dict[str, str]:
    """What .env holds after make_env.py."""
    lines = filled(EXAMPLE).splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def _interpolated(text: str) -> str:
    given = _given()
    return VARIABLE.sub(lambda found: given.get(found[1]) or found[3], text)


def _package(container: dict[str, Any]) -> str:
    """The Python package that a container runs: images are named for it."""
    return container["image"].partition(":")[0].removeprefix("marquee-").replace("-", "_")


def _depended_on(name: str) -> Iterator[str]:
    for container in CONTAINERS.values():
        if name in container.get("depends_on", {}):
            yield container["depends_on"][name]["condition"]


@pytest.mark.parametrize("name", sorted(CONTAINERS))
def test_a_container_can_write_nowhere_and_gain_nothing(name: str):
    container = CONTAINERS[name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in container
    assert "mem_limit" in container
    assert not any("docker.sock" in volume for volume in container.get("volumes", []))


def test_no_container_runs_as_root():
    dockerfile = (ROOT / "deploy/docker/Dockerfile").read_text()
    assert re.findall(r"^USER (.*)$", dockerfile, re.MULTILINE) == ["10001:10001"]
    with_user = {name for name in SERVERS if CONTAINERS[name].get("user", "root") != "root"}
    # PostgreSQL's entrypoint gives the data to its own user and becomes it.
    assert with_user == SERVERS - {"postgres"}


def test_the_dockerfile_needs_no_frontend_from_a_registry():
    assert "syntax=" not in (ROOT / "deploy/docker/Dockerfile").read_text().splitlines()[0]


def test_traefik_alone_publishes_a_port_and_on_this_machine_alone():
    published = {name: each["ports"] for name, each in CONTAINERS.items() if "ports" in each}
    assert published == {"traefik": ["127.0.0.1:${MARQUEE_PORT:-8000}:8000"]}


def test_every_service_scales():
    assert all(not {"container_name", "hostname"} & set(each) for each in CONTAINERS.values())
    addresses = {key: value for key, value in COMPOSE["x-settings"].items() if "ADDRESS" in key}
    assert all(target.startswith("dns:///") for target in addresses.values())


def test_events_are_never_evicted_and_outlive_a_restart_and_caches_neither():
    streams, cache = (
        " ".join(CONTAINERS[f"redis-{name}"]["command"]) for name in ("streams", "cache")
    )
    assert "--appendonly yes" in streams
    assert "--maxmemory-policy noeviction" in streams
    assert "--appendonly no" in cache
    assert "--maxmemory-policy allkeys-lru" in cache


def test_networks_lead_nowhere_but_for_the_edge_the_sync_and_mails():
    leading_out = {name for name, it in COMPOSE["networks"].items() if not it.get("internal")}
    there = {name for name, each in CONTAINERS.items() if leading_out & set(each["networks"])}
    assert there == {"traefik", "catalog-work", "users-work"}


def test_only_who_has_a_database_reaches_postgresql():
    reaching = {name for name, each in CONTAINERS.items() if "databases" in each["networks"]}
    assert {"gateway", "beat", "traefik", "tmdb-standin"} & reaching == set()


@pytest.mark.parametrize("name", sorted(set(CONTAINERS) - ONCE))
def test_what_stays_up_is_watched_and_started_again(name: str):
    assert CONTAINERS[name]["restart"] == "unless-stopped"
    assert "test" in CONTAINERS[name]["healthcheck"]
    assert "stop_grace_period" in CONTAINERS[name]


@pytest.mark.parametrize("name", sorted(ONCE))
def test_somebody_waits_for_what_runs_once(name: str):
    """Or `up --wait` would take its end for a failure."""
    assert "service_completed_successfully" in _depended_on(name)


def test_all_roles_of_every_service_are_there_and_one_beat():
    roles = {(_package(CONTAINERS[name]), CONTAINERS[name]["command"][0]) for name in OURS
             if CONTAINERS[name]["command"]}  # fmt: skip
    services = ("users", "catalog", "interactions", "recommender", "analytics")
    every = {"serve", "background", "work", "migrate"}
    assert {(service, role) for service in services for role in every} <= roles
    beats = [CONTAINERS[name] for name in OURS if CONTAINERS[name]["command"] == ["beat"]]
    assert [beat["environment"]["BEAT_SERVICES"] for beat in beats] == [",".join(services)]


def test_each_image_is_built_once_and_for_its_own_service():
    built = [CONTAINERS[name] for name in OURS if "build" in CONTAINERS[name]]
    assert {each["build"]["args"]["SERVICE"] for each in built} == {
        _package(CONTAINERS[name]) for name in OURS
    }
    assert all(each["build"]["args"]["SERVICE"] == _package(each) for each in built)
    assert len(built) == len({each["image"] for each in built})


@pytest.mark.parametrize("name", OURS)
def test_every_program_accepts_what_it_is_told(name: str, monkeypatch: pytest.MonkeyPatch):
    container = CONTAINERS[name]
    settings: Any = importlib.import_module(f"{_package(container)}.settings").Settings
    prefix = settings.model_config.get("env_prefix", "")
    known = {f"{prefix}{field}".upper() for field in settings.model_fields}
    told = {key: _interpolated(value) for key, value in container["environment"].items()}
    ours = {key for key in told if not _read_by_others(key)}
    assert ours - known - ASKED_BY_COMMANDS == set()
    for variable in known:
        monkeypatch.delenv(variable, raising=False)
    for variable, value in told.items():
        monkeypatch.setenv(variable, value)
    assert settings()


def _read_by_others(variable: str) -> bool:
    """Of the settings that all containers get; not every program has each."""
    return variable in COMPOSE["x-settings"]


def test_secrets_have_no_defaults():
    text = (ROOT / "docker-compose.yml").read_text()
    secrets = {found[1]: found[2] for found in VARIABLE.finditer(text) if _is_secret(found[1])}
    # Without it no account is made.
    assert secrets.pop("ADMIN_PASSWORD") == "-"
    assert secrets
    assert set(secrets.values()) == {"?"}


def _is_secret(name: str) -> bool:
    return name.endswith(("_PASSWORD", "_KEY", "_SECRET", "_TOKEN"))


def test_every_variable_is_explained_in_the_example():
    text = (ROOT / "docker-compose.yml").read_text()
    used = {found[1] for found in VARIABLE.finditer(text)}
    explained = set(re.findall(r"^#?([A-Z_]+)=", EXAMPLE, re.MULTILINE))
    assert used | {"COMPOSE_PROFILES"} == explained


def test_images_see_no_secret_and_no_test():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert next(line for line in lines if not line.startswith("#")) == "*"
    assert not any(line.startswith("!.env") for line in lines)
    assert "**/tests" in lines


def test_the_edge_is_that_of_the_embedded_run(tmp_path: Path):
    write_configuration(tmp_path, port=8000, gateway_port=8080)
    embedded = json.loads((tmp_path / DYNAMIC).read_text())
    servers = embedded["http"]["services"]["gateway"]["loadBalancer"]["servers"]
    servers[0]["url"] = "http://gateway:8080"
    assert yaml.safe_load((ROOT / "deploy/traefik/routes.yml").read_text()) == embedded


def test_traefik_trusts_nobody_s_forwarded_headers_and_has_no_socket():
    static = yaml.safe_load((ROOT / "deploy/traefik/traefik.yml").read_text())
    assert "forwardedHeaders" not in static["entryPoints"]["web"]
    assert set(static["providers"]) == {"file"}
    assert "api" not in static
