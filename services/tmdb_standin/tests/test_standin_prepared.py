"""Answers made beforehand: to the byte what would have been invented, and only while they are."""

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from standin_process import other_version, surroundings

from tmdb_standin.movie_answers import PARTS

FIRST_ID, SIZE = 900_000_001, 400
QUERY = f"language=en-US&append_to_response={','.join(PARTS)}"
TOLD = {"SIZE": SIZE, "DAILY_EDITS": 0, "NOW": "2026-06-15T12:00:00Z"}
PATH = f"/3/movie/{FIRST_ID + 7}?{QUERY}"


def run(
    *arguments: object, code: Path | None = None, **settings: object
) -> subprocess.CompletedProcess[str]:
    environment = surroundings(TOLD | settings, code)
    command = [sys.executable, "-m", "tmdb_standin", *map(str, arguments)]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prepared")
    result = run("prepare", path, QUERY, FAULTS='{"deleted_rate": 0.5, "null_rate": 0.5}')
    assert result.returncode == 0, result.stderr
    return path


@pytest.fixture(scope="module")
def _both(serve, folder: Path) -> tuple[httpx.Client, httpx.Client]:
    return serve(**TOLD), serve(**TOLD, PREPARED=folder)


@pytest.fixture
def inventing(_both) -> httpx.Client:
    _both[0].delete("/_faults").raise_for_status()
    return _both[0]


@pytest.fixture
def prepared(_both) -> httpx.Client:
    _both[1].delete("/_faults").raise_for_status()
    return _both[1]


def count(client: httpx.Client) -> int:
    return client.get("/_faults").json()["prepared"]


def assert_same(client: httpx.Client, other: httpx.Client, path: str) -> httpx.Response:
    """The same answer but for what every fifth request alone is told of caches."""
    mine, theirs = client.get(path), other.get(path)
    assert (mine.status_code, mine.content) == (theirs.status_code, theirs.content), path
    for name in ("content-type", "content-length", "date", "vary", "cache-control"):
        assert mine.headers.get(name) == theirs.headers.get(name)
    return mine


def test_every_prepared_answer_is_the_one_that_would_be_invented(prepared, inventing):
    for movie_id in range(FIRST_ID - 2, FIRST_ID + SIZE + 2):
        assert_same(prepared, inventing, f"/3/movie/{movie_id}?{QUERY}")
    assert count(prepared) == SIZE
    assert count(inventing) == 0


def test_what_was_not_prepared_is_invented(prepared, inventing):
    for path in (
        f"/3/movie/{FIRST_ID}?language=de-DE",
        f"/3/movie/{FIRST_ID}",
        f"/3/movie/{FIRST_ID}/credits?{QUERY}",
        f"/3/movie/tt90000001?{QUERY}",
        f"/3/movie/x?{QUERY}",
        f"/3/movie/{'9' * 30}?{QUERY}",
        f"/3/movie/popular?{QUERY}",
    ):
        assert_same(prepared, inventing, path)
    assert count(prepared) == 0


def test_a_wrong_token_is_refused(prepared):
    assert prepared.get(PATH, headers={"Authorization": "Bearer guess"}).status_code == 401
    assert count(prepared) == 0


@pytest.mark.parametrize(
    "faults",
    [
        {"deleted_rate": 0.3},
        {"deleted_ids": [FIRST_ID + 7]},
        {"corrupt_rate": 0.3},
        {"corrupt_ids": [FIRST_ID + 7]},
        {"null_rate": 0.5},
        {"drift": 1, "only": "/3/elsewhere"},
        {"duplicate_rate": 0.5},
        {"stale_rate": 1},
    ],
)
def test_with_faults_that_alter_movies_all_is_invented(prepared, inventing, faults):
    for client in (prepared, inventing):
        client.put("/_faults", json=faults).raise_for_status()
    for movie_id in range(FIRST_ID, FIRST_ID + 20):
        assert_same(prepared, inventing, f"/3/movie/{movie_id}?{QUERY}")
    assert count(prepared) == 0


def test_faults_of_requests_meet_prepared_answers_too(prepared, inventing):
    whole = inventing.get(PATH).content
    prepared.put("/_faults", json={"error_next": 1, "truncated_rate": 1})
    assert prepared.get(PATH).status_code == 503
    assert prepared.get(PATH).content == whole[: len(whole) // 2]
    prepared.put("/_faults", json={"gzip_rate": 1})
    with prepared.stream("GET", PATH) as answer:
        assert gzip.decompress(b"".join(answer.iter_raw())) == whole
    assert count(prepared) == 1
    prepared.put("/_faults", json={"refuse_tokens": True})
    assert prepared.get(PATH).status_code == 401


def test_another_day_and_edits_are_invented(folder, serve):
    prepared, inventing = serve(**TOLD, PREPARED=folder), serve(**TOLD)
    for client in (prepared, inventing):
        client.put("/_clock", json={"now": "2026-06-16T00:00:00Z"})
    assert_same(prepared, inventing, PATH)
    for client in (prepared, inventing):
        client.put("/_clock", json={"now": TOLD["NOW"]})
        client.post("/_edits", json={"ids": [FIRST_ID + 7]})
    assert_same(prepared, inventing, PATH)
    assert count(prepared) == 0


def test_the_meter_tells_what_the_last_movie_was_asked_with(prepared):
    for query in ("language=de-DE", QUERY):
        prepared.get(f"/3/movie/{FIRST_ID}?{query}")
        prepared.get("/3/movie/popular?page=2")
        assert prepared.get("/_faults").json()["movie_query"] == query
    prepared.get(f"/3/movie/{FIRST_ID}?api_key=test-token", headers={"Authorization": ""})
    assert prepared.get("/_faults").json()["movie_query"] == QUERY


@pytest.mark.parametrize("settings", [{"SIZE": 401}, {"SEED": 2}, {"EPOCH": "2025-01-01"}])
def test_what_was_prepared_for_another_catalogue_is_refused_at_the_start(folder, settings):
    result = run("serve", PREPARED=folder, **settings)
    assert result.returncode == 2
    assert next(iter(settings)).lower() in result.stderr
    assert "Traceback" not in result.stderr


def test_a_folder_prepared_by_half_is_refused_at_the_start(tmp_path):
    for _ in range(2):
        result = run("serve", PREPARED=tmp_path)
        assert result.returncode == 2
        assert str(tmp_path) in result.stderr
        (tmp_path / "manifest.json").write_text('{"query": "lang')


def test_nothing_is_prepared_of_what_changes_is_secret_or_is_refused(folder, tmp_path):
    for result in (
        run("prepare", tmp_path, QUERY, DAILY_EDITS=0.006),
        run("serve", PREPARED=folder, DAILY_EDITS=0.006),
        run("prepare", tmp_path, "api_key=test-token"),
        run("prepare", tmp_path, f"append_to_response={','.join(map(str, range(21)))}"),
    ):
        assert result.returncode == 2
        assert result.stderr
        assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())


def test_one_movie_can_be_prepared(serve, tmp_path):
    result = run("prepare", tmp_path, "language=en-US", SIZE=1)
    assert result.returncode == 0, result.stderr
    client = serve(**TOLD | {"SIZE": 1}, PREPARED=tmp_path)
    assert client.get(f"/3/movie/{FIRST_ID}?language=en-US").json()["id"] == FIRST_ID
    assert count(client) == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("0.offsets", None),
        ("0.offsets", b""),
        ("0.offsets", b"\0" * 12),
        ("0.offsets", b"\0" * 16),
        ("0.bodies", None),
        ("0.bodies", b"{}"),
        ("manifest.json", b'{"movies_per_file": 0}'),
    ],
)
def test_files_that_are_not_whole_are_refused_at_the_start(folder, tmp_path, name, content):
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    if content is None:
        (copy / name).unlink()
    else:
        manifest = json.loads((copy / "manifest.json").read_text())
        told = json.dumps(manifest | json.loads(content)).encode() if ".json" in name else content
        (copy / name).write_bytes(told)
    result = run("serve", PREPARED=copy)
    assert result.returncode == 2
    assert str(copy / name) in result.stderr
    assert "Traceback" not in result.stderr


def test_what_another_version_of_the_stand_in_prepared_is_refused_at_the_start(folder, tmp_path):
    result = run("serve", code=other_version(tmp_path), PREPARED=folder)
    assert result.returncode == 2
    assert "prepare anew" in result.stderr


def test_prepared_answers_of_a_day_are_known_on_another_whatever_fault_is_on(folder, serve):
    faults = '{"null_rate": 0.5, "deleted_rate": 1}'
    client = serve(**TOLD | {"NOW": "2026-08-01T00:00:00Z"}, PREPARED=folder, FAULTS=faults)
    assert client.get(PATH).status_code == 404
