"""The lock, and what is cut out of it for one distribution."""

from pathlib import Path

import pytest

from launcher import locks

LOCK = """\
alpha==1.0 \\
    --hash=sha256:aa
beta==2.0 ; python_full_version < '3.12' \\
    --hash=sha256:bb
    # via alpha
beta==3.0 ; python_full_version >= '3.12' \\
    --hash=sha256:bc
    # via alpha
gamma-ray==1.0 \\
    --hash=sha256:cc
    # via
    #   beta
    #   delta
delta==1.0 \\
    --hash=sha256:dd
"""


def test_a_share_holds_what_its_requirements_need_and_nothing_else():
    share = locks.subset(locks.parse(LOCK), ["alpha"])
    assert "alpha==1.0" in share
    assert "gamma-ray==1.0" in share
    assert "delta" not in share.replace("#   delta", "")


def test_every_variant_of_an_entry_comes_along_with_its_hashes():
    share = locks.subset(locks.parse(LOCK), ["Alpha[extra]>=1"])
    assert "sha256:bb" in share
    assert "sha256:bc" in share


def test_a_requirement_that_is_not_locked_is_refused():
    with pytest.raises(SystemExit, match="omega is not in"):
        locks.subset(locks.parse(LOCK), ["omega"])


def test_names_are_compared_as_the_index_compares_them():
    assert locks.name_of("Gamma_Ray[x]>=1 ; python_version > '3'") == "gamma-ray"


@pytest.mark.parametrize("distribution", sorted(locks.distributions(locks.checkout())))
def test_the_lock_covers_each_distribution(distribution: str):
    root = locks.checkout()
    entries = locks.parse((root / locks.LOCK).read_text())
    assert locks.subset(entries, locks.requirements_of(root, distribution)) is not None


def test_the_lock_covers_the_tools():
    root = locks.checkout()
    entries = locks.parse((root / locks.LOCK).read_text())
    for group in locks.groups(root).values():
        assert locks.subset(entries, group)


def test_the_lock_names_no_index_and_no_path():
    text = (locks.checkout() / locks.LOCK).read_text()
    assert "://" not in text
    assert "--index-url" not in text
    assert " @ " not in text


def test_a_distribution_of_ours_brings_what_its_own_dependencies_need(tmp_path: Path):
    _write(tmp_path / "proto", "marquee-proto", ["protobuf"])
    _write(tmp_path / "services" / "users", "marquee-users", ["marquee-proto", "argon2-cffi"])
    wanted = locks.requirements_of(tmp_path, "marquee-users")
    assert sorted(wanted) == ["argon2-cffi", "protobuf"]


def test_the_sources_of_a_distribution_are_its_own_and_those_of_ours_it_needs():
    root = locks.checkout()
    folders = [str(each) for each in locks.folders_of(root, "marquee-users")]
    assert folders == ["proto", "services/chassis", "services/users"]
    assert [str(each) for each in locks.folders_of(root, "marquee-tmdb-standin")] == [
        "services/tmdb_standin"
    ]
    assert str(locks.folders_of(root, "marquee-local")[0]) == "deploy/local"


def _write(folder: Path, name: str, dependencies: list[str]) -> None:
    folder.mkdir(parents=True)
    needs = ", ".join(f'"{each}"' for each in dependencies)
    text = f'[project]\nname = "{name}"\ndependencies = [{needs}]\n'
    (folder / "pyproject.toml").write_text(text)
