"""What PostgreSQL's container runs once: each service's role and database."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy.engine import URL, make_url

from chassis.embedded import EmbeddedPostgres, postgres_folder
from chassis.keeper import free_port

INIT = Path(__file__).parents[2] / "postgres" / "init.sh"
SERVICES = ("users", "catalog", "interactions", "recommender", "analytics")
PASSWORDS = {f"{service.upper()}_DATABASE_PASSWORD": f"{service}-'secret" for service in SERVICES}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[URL]:
    """A cluster of its own: the script changes what belongs to no service."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("pg"), free_port(), durable=False)
    server.start()
    url = make_url(server.url)
    assert _init(url, PASSWORDS).returncode == 0
    yield url
    server.stop()


def _init(admin: URL, passwords: dict[str, str]) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": f"{postgres_folder()}:{os.environ['PATH']}",
        "PGHOST": str(admin.host),
        "PGPORT": str(admin.port),
        "PGPASSWORD": str(admin.password),
        **passwords,
    }
    return subprocess.run(
        ["sh", str(INIT)], env=environment, capture_output=True, text=True, check=False
    )


def _connected(admin: URL, service: str, database: str) -> psycopg2.extensions.connection:
    return psycopg2.connect(
        host=admin.host,
        port=admin.port,
        user=f"marquee_{service}",
        password=PASSWORDS[f"{service.upper()}_DATABASE_PASSWORD"],
        dbname=database,
    )


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_owns_its_database_and_finds_its_extensions(cluster: URL, service: str):
    connection = _connected(cluster, service, f"marquee_{service}")
    with connection, connection.cursor() as cursor:
        cursor.execute("create table proof (id int)")
        cursor.execute("select extname from pg_extension order by extname")
        assert cursor.fetchall() == [("btree_gist",), ("pg_trgm",), ("plpgsql",)]
    connection.close()


def test_a_role_can_connect_to_no_other_database(cluster: URL):
    others = {f"marquee_{service}" for service in SERVICES} | {"postgres", "template1"}
    for service in SERVICES:
        for database in others - {f"marquee_{service}"}:
            with pytest.raises(psycopg2.OperationalError, match="permission denied"):
                _connected(cluster, service, database)


def test_a_missing_password_ends_it(cluster: URL):
    done = _init(cluster, {**PASSWORDS, "USERS_DATABASE_PASSWORD": ""})
    assert done.returncode != 0
    assert "USERS_DATABASE_PASSWORD is not set" in done.stderr
