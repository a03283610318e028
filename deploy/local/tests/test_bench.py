"""The frame of `./marquee bench`: rows, verdicts, and what a process has cost."""

import json
import os
import sys
import time

import pytest

from launcher.bench import main
from launcher.bench.command import show
from launcher.bench.hello import hello
from launcher.bench.rows import Row, at_least, at_most
from launcher.bench.spending import cpu_seconds, run
from launcher.settings import Failure, read_settings

BURN_SECONDS = 0.3
BURN = f"import time\nwhile time.process_time() < {BURN_SECONDS}: pass"
ROWS = [at_most("p", "cost", 2.5, 2, "ms", ratio="3 H"), Row("p", "size", "7 MB")]


def test_a_figure_is_met_or_missed_by_its_goal():
    assert at_most("p", "w", 2.0, 2, "ms").verdict == "met"
    assert at_most("p", "w", 2.1, 2, "ms").verdict == "missed"
    assert at_least("p", "w", 999.0, 1000, "/s").verdict == "missed"
    assert Row("p", "w", "1 s").verdict == ""


def test_rows_are_printed_for_people_and_missed_ones_counted(capsys):
    assert show(ROWS, as_json=False) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines] == ["missed", "MB"]


def test_rows_are_printed_as_json(capsys):
    show(ROWS, as_json=True)
    first, second = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (first["verdict"], first["ratio"], first["goal"]) == ("missed", "3 H", "at most 2 ms")
    assert second["met"] is None


@pytest.mark.parametrize("arguments", [["--size=5"], ["nothing"], ["catalog", "--size=many"]])
def test_what_makes_no_sense_is_refused(arguments):
    with pytest.raises(SystemExit):
        main(read_settings(), arguments)


def test_a_command_costs_what_it_burnt(tmp_path):
    spent = run([sys.executable, "-c", BURN], {}, tmp_path / "log")
    assert spent.cpu_seconds >= BURN_SECONDS
    assert spent.peak_bytes > 2**20


def test_a_command_that_fails_says_why(tmp_path):
    with pytest.raises(Failure, match="went wrong"):
        run([sys.executable, "-c", "raise SystemExit('went wrong')"], {}, tmp_path / "log")


def test_the_cost_of_a_running_process_is_counted():
    before, burnt = cpu_seconds([os.getpid()]), time.process_time()
    while time.process_time() - burnt < BURN_SECONDS:
        pass
    assert cpu_seconds([os.getpid()]) - before >= BURN_SECONDS / 2


def test_a_bare_hello_costs_something():
    found = hello()
    assert found.cpu_seconds > 0
    assert found.per_second > 0
