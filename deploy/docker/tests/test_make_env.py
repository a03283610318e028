"""The secrets of a new .env."""

from pathlib import Path

import make_env
import pytest

EXAMPLE = "# A_COMMENT=\nONE=\nTWO=\nGIVEN=value\n#OFF=1\n"


def test_every_empty_variable_gets_a_secret_of_its_own():
    lines = make_env.filled(EXAMPLE).splitlines()
    one, two = lines[1].removeprefix("ONE="), lines[2].removeprefix("TWO=")
    assert len(one) == len(two) == 2 * make_env.BYTES
    assert one != two
    assert lines[0] == "# A_COMMENT="
    assert lines[3:] == ["GIVEN=value", "#OFF=1"]


def test_the_file_is_its_owner_s_alone(tmp_path: Path):
    (tmp_path / ".env.example").write_text(EXAMPLE)
    assert make_env.main(tmp_path) == 0
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


def test_secrets_that_are_there_are_never_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / ".env.example").write_text(EXAMPLE)
    (tmp_path / ".env").write_text("ONE=kept\n")
    assert make_env.main(tmp_path) == 1
    assert (tmp_path / ".env").read_text() == "ONE=kept\n"
    assert "left as it is" in capsys.readouterr().err
