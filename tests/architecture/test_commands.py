"""Commands are named by strings: each has to be found, and to load no more than it needs."""

import importlib
import subprocess
import sys

import pytest

from chassis.service import Service

SERVICES = ("users", "catalog", "interactions", "recommender", "analytics")


def _service(name: str) -> Service:
    return importlib.import_module(f"{name}.__main__").SERVICE


@pytest.mark.parametrize("name", SERVICES)
def test_every_command_is_found(name: str):
    service = _service(name)
    assert service.name == name
    own = [*service.commands, *service.offline_commands]
    for command in ("serve", "background", "work", *own):
        assert callable(service.function(command))


def test_a_sync_loads_no_server():
    where = _service("catalog").commands["sync"].partition(":")[0]
    program = f"import sys, {where}; print(*{{'grpc', 'cryptography.x509'}} & {{*sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "\n"
