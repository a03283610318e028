"""The embedded servers start over whatever an earlier run left behind."""

import signal
import subprocess
import sys

import psycopg2
import pytest
import redis
import sqlalchemy as sa

from chassis.database import connect
from chassis.embedded import EmbeddedPostgres, EmbeddedValkey, StartError, command_line
from chassis.embedded.children import end_orphan
from chassis.embedded.servers import write_private
from chassis.keeper import free_port
from chassis.testing import eventually

SLEEPS = [sys.executable, "-c", "import time; time.sleep(1000)"]


def keep_something(postgres):
    database = connect(postgres.url, application_name="test")
    with database.begin() as connection:
        connection.execute(sa.text("create table kept (n int)"))
        connection.execute(sa.text("insert into kept values (7)"))
    database.dispose()


def kept(postgres):
    database = connect(postgres.url, application_name="test")
    with database.read() as connection:
        found = connection.execute(sa.text("select n from kept")).scalar()
    database.dispose()
    return found


def test_postgres_keeps_its_data_over_a_stop_and_a_kill(own_postgres):
    keep_something(own_postgres)
    own_postgres.stop()
    own_postgres.start()
    assert kept(own_postgres) == 7
    own_postgres.kill()
    own_postgres.start()
    assert kept(own_postgres) == 7


def test_valkey_keeps_its_data_over_a_kill(own_valkey, own_redis):
    own_redis.set("a", "b")
    own_valkey.kill()
    own_valkey.start()
    assert own_redis.get("a") == b"b"


def test_nobody_gets_in_without_the_password(own_postgres, own_valkey):
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(host="127.0.0.1", port=own_postgres.port, user="postgres", password="x")
    with (
        redis.Redis(port=own_valkey.port) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()


def test_servers_end_with_the_process_that_started_them(tmp_path, start_program):
    if sys.platform != "linux":
        pytest.skip("only Linux tells children of their parent's death")
    ports = free_port(), free_port()
    process = start_program("suite", str(tmp_path), *map(str, ports))
    pid_files = [tmp_path / "postgres" / "postgres.pid", tmp_path / "valkey" / "valkey.pid"]
    eventually(lambda: all(path.exists() for path in pid_files), within=60)
    pids = [int(path.read_text()) for path in pid_files]
    eventually(lambda: all(str(tmp_path) in command_line(pid) for pid in pids))
    process.kill()
    process.wait()
    eventually(lambda: not any(str(tmp_path) in command_line(pid) for pid in pids), within=30)


def test_a_server_somebody_left_running_gives_way_to_the_next(tmp_path):
    first = EmbeddedValkey(tmp_path / "valkey", free_port())
    first.start()
    orphan = first.pid
    assert orphan
    assert str(tmp_path) in command_line(orphan)
    second = EmbeddedValkey(tmp_path / "valkey", free_port())
    second.start()
    assert str(tmp_path) not in command_line(orphan)
    second.stop()
    first.kill()


def test_a_pid_that_belongs_to_another_by_now_is_left_alone(own_postgres, own_valkey):
    with subprocess.Popen(["sleep", "1000"]) as other:
        for server, name in ((own_postgres, "data/postmaster.pid"), (own_valkey, "valkey.pid")):
            server.kill()
            pid_file = server.folder / name
            lines = pid_file.read_text().split("\n")
            pid_file.write_text("\n".join([str(other.pid), *lines[1:]]))
            server.start()
        assert other.poll() is None
        other.kill()


def test_a_command_line_need_not_be_text():
    with subprocess.Popen([*SLEEPS, b"\xff"]) as other:
        try:
            eventually(lambda: "sleep(1000)" in command_line(other.pid))
        finally:
            other.kill()


def test_what_does_not_end_keeps_its_pid_file(tmp_path):
    pid_path = tmp_path / "server.pid"
    with subprocess.Popen(SLEEPS) as other:
        pid_path.write_text(str(other.pid))
        every_line = ""  # even that of a process that is gone, which so never seems to end
        with pytest.raises(StartError, match=f"process {other.pid}, .* does not end"):
            end_orphan(pid_path, every_line, signal.SIGTERM, timeout_seconds=0.1)
    assert pid_path.exists()


def test_a_private_file_that_was_cut_off_is_not_there_at_all(tmp_path):
    path = tmp_path / "password"
    with pytest.raises(UnicodeEncodeError):
        write_private(path, "cut \udc80 off")
    assert not path.exists()
    write_private(path, "whole")
    assert path.read_text() == "whole"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_server_that_cannot_start_says_why(tmp_path, own_valkey):
    with pytest.raises(StartError, match=r"(?i)address already in use"):
        EmbeddedPostgres(tmp_path / "second", own_valkey.port).start()
