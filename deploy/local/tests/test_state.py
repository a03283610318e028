"""The state folder: one launcher, lasting secrets and ports."""

import os
import socket
import stat
from pathlib import Path

import pytest

from launcher.settings import Failure, read_settings
from launcher.state import State, is_free


@pytest.fixture
def state(tmp_path: Path) -> State:
    made = State(tmp_path / "with a space")
    made.prepare()
    return made


def test_a_second_launcher_on_the_same_state_is_refused_and_told_who_has_it(state: State):
    state.take()
    with pytest.raises(Failure, match=f"already running \\(launcher {os.getpid()}"):
        State(state.folder).take()
    state.release()


def test_a_state_that_was_released_can_be_taken_again(state: State):
    state.take()
    state.release()
    again = State(state.folder)
    again.take()
    assert again.is_taken()
    again.release()


def test_a_secret_stays_the_same_and_is_readable_by_its_owner_alone(state: State):
    first = state.secret("internal_key")
    assert State(state.folder).secret("internal_key") == first
    assert len(first) >= 32
    mode = (state.folder / "secrets.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_two_processes_get_two_ports_and_keep_them(state: State):
    ports = (state.port("users"), state.port("catalog"))
    assert len(set(ports)) == 2
    assert (State(state.folder).port("users"), State(state.folder).port("catalog")) == ports


def test_a_port_somebody_took_meanwhile_is_chosen_anew_at_the_next_start(state: State):
    port = state.port("users")
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)
        state.forget_taken_ports()
        assert state.port("users") != port


def test_removing_a_state_leaves_what_is_not_its_own(state: State):
    state.secret("internal_key")
    precious = state.folder / "thesis.txt"
    precious.write_text("mine")
    state.remove()
    assert [path.name for path in state.folder.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("port", ["0", "65536", "eight", "-1", "8000.0", "²"])
def test_a_port_that_is_none_is_refused_by_name(port: str):
    with pytest.raises(Failure, match="MARQUEE_PORT must be a whole number"):
        read_settings({"MARQUEE_PORT": port})


def test_without_any_variable_the_state_is_in_the_checkout():
    settings = read_settings({})
    assert settings.state == settings.checkout / ".marquee" / "state"
    assert (settings.checkout / "requirements.lock").exists()
    assert not settings.has_tmdb_key
