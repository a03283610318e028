"""Programs forked from the nursery behave as if they had been executed."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from launcher.children import Child, python
from launcher.forking import Nursery
from launcher.probes import alive
from launcher.units import ProgramSpec

# One nursery for all of them: it imports for seconds.
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="forking is Linux only"),
    pytest.mark.asyncio(loop_scope="module"),
]


class Programs:
    """A nursery, what it said, and programs made of one statement each."""

    def __init__(self, folder: Path) -> None:
        self.said: list[str] = []
        self.folder = folder
        self.nursery = Nursery(logs=folder, folder=folder, say=self.said.append)

    async def bring_up(self) -> None:
        await self.nursery.start()
        async with asyncio.timeout(60):
            while not await self.nursery.ready():
                await asyncio.sleep(0.01)

    async def start(self, statement: str, *, niceness: int = 0, **environment: str) -> Child:
        module = ("timeit", "-n1", "-r1", statement)
        command = python("-m", *module)
        spec = ProgramSpec("one", command, alive(), environment, module=module, niceness=niceness)
        return await self.nursery.start_program(spec, self.folder)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def programs(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Programs]:
    made = Programs(tmp_path_factory.mktemp("nursery"))
    await made.bring_up()
    yield made
    made.nursery.signal(signal.SIGKILL)
    await made.nursery.wait()


async def _finish(child: Child) -> tuple[str, int]:
    async with asyncio.timeout(30):
        return (await child.output.read()).decode(), await child.wait()


async def test_a_program_gets_its_environment_folder_and_process_group(programs: Programs):
    statement = (
        "import os, sys; "
        "print(os.environ['COLOUR'], os.getcwd(), os.getpgrp() == os.getpid(), end=' '); "
        "print('grpc' in sys.modules)"
    )
    output, code = await _finish(await programs.start(statement, COLOUR="green"))
    assert output.split("\n")[0] == f"green {programs.folder} True True"
    assert code == 0


async def test_a_program_stands_as_far_behind_as_it_should(programs: Programs):
    child = await programs.start("import os; print(os.nice(0))", niceness=3)
    output, _ = await _finish(child)
    assert output.split("\n")[0] == str(min(os.nice(0) + 3, 19))


async def test_its_exit_code_and_its_last_words_arrive(programs: Programs):
    output, code = await _finish(await programs.start("raise SystemExit('no luck')"))
    assert "no luck" in output
    assert code == 1


async def test_a_signal_that_ends_it_is_told_apart(programs: Programs):
    _, code = await _finish(await programs.start("import os; os.kill(os.getpid(), 9)"))
    assert code == -signal.SIGKILL


async def test_programs_outlive_the_nursery_and_new_ones_start_without_it(programs: Programs):
    child = await programs.start("import time; print('up', flush=True); time.sleep(600)")
    assert await child.output.readline() == b"up\n"
    programs.nursery.signal(signal.SIGKILL)
    await programs.nursery.wait()
    output, code = await _finish(await programs.start("print('executed')"))
    assert output.startswith("executed")
    assert code == 0
    os.kill(child.pid, signal.SIGKILL)
    assert (await _finish(child))[1] == -signal.SIGKILL
    await programs.bring_up()
