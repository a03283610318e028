"""The command line: settings that are wrong are refused before anything listens."""

import os
import re
import subprocess
import sys

import httpx
import pytest

from tmdb_standin.faults import Faults


def run(command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("STANDIN_")}
    environment |= {f"STANDIN_{name}": value for name, value in settings.items()}
    arguments = [sys.executable, "-m", "tmdb_standin", command]
    return subprocess.run(
        arguments, env=environment, capture_output=True, text=True, timeout=30, check=False
    )


def test_serving_without_a_token_is_refused_by_name():
    result = run("serve")
    assert result.returncode == 2
    assert "STANDIN_TOKEN" in result.stderr


def test_a_port_in_use_is_refused(steady: httpx.Client):
    result = run("serve", TOKEN="x", PORT=str(steady.base_url.port))
    assert result.returncode == 2
    assert "cannot listen" in result.stderr


def test_settings_are_printed_each_for_itself_whatever_is_wrong_with_another():
    printed = run("settings", SIZE="10", SEED="-1", FAULTS="{").stdout
    lines = dict(line.split("=", 1) for line in printed.splitlines() if line.startswith("STANDIN"))
    assert (lines["STANDIN_SIZE"], lines["STANDIN_PORT"]) == ("10", "8090")
    assert lines["STANDIN_TOKEN"] == "(Field required)"
    assert "greater than or equal to 0" in lines["STANDIN_SEED"]
    assert "end of data" in lines["STANDIN_FAULTS"]


@pytest.mark.parametrize("faults", ["{", '{"gremlins": 1}'])
def test_faults_that_are_none_are_refused_by_name(faults):
    result = run("serve", TOKEN="x", FAULTS=faults)
    assert result.returncode == 2
    assert "STANDIN_FAULTS: " in result.stderr
    assert "Traceback" not in result.stderr


def test_every_fault_is_printed_with_its_meaning():
    printed = run("settings", TOKEN="x", FAULTS='{"drift": 1}').stdout
    assert 'STANDIN_FAULTS={"drift":1}' in printed
    for name in Faults.model_fields:
        (meaning,) = re.findall(f"^ +{name}: (.*)$", printed, re.MULTILINE)
        assert meaning not in ("", "None")


def test_settings_are_printed_with_their_meaning_and_without_the_token():
    result = run("settings", TOKEN="hush", SIZE="10")
    assert result.returncode == 0
    assert "STANDIN_SIZE=10" in result.stdout
    assert "hush" not in result.stdout


def test_a_moment_without_its_zone_is_refused_by_name():
    result = run("serve", TOKEN="x", NOW="2026-06-15T12:00:00")
    assert result.returncode == 2
    assert "STANDIN_NOW" in result.stderr
