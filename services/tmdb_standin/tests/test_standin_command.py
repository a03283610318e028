"""The command line: settings that are wrong are refused before anything listens."""

import os
import subprocess
import sys

import httpx


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


def test_settings_are_printed_with_their_meaning_and_without_the_token():
    result = run("settings", TOKEN="hush", SIZE="10")
    assert result.returncode == 0
    assert "STANDIN_SIZE=10" in result.stdout
    assert "hush" not in result.stdout


def test_a_moment_without_its_zone_is_refused_by_name():
    result = run("serve", TOKEN="x", NOW="2026-06-15T12:00:00")
    assert result.returncode == 2
    assert "STANDIN_NOW" in result.stderr
