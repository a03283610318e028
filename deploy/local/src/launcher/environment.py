"""The environment in .marquee/env: made when missing, renewed when its sources changed.

Run as a file by any Python from 3.11 with the standard library alone, before anything of ours is
installed: `python environment.py <checkout>`. Silent when there is nothing to do.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

STAMPED = (
    "requirements.lock",
    "proto/pyproject.toml",
    "proto/setup.py",
    "proto/marquee/**/*.proto",
    "services/*/pyproject.toml",
    "gateway/pyproject.toml",
    "deploy/local/pyproject.toml",
)
# One process each, of about the same weight.
WARMED = (
    "users.wiring, catalog.wiring.programs, gateway.app",
    "chassis.testing, interactions.wiring, recommender.wiring, analytics.wiring, launcher.commands",
)


class Failure(Exception):
    """What to tell the person, in one line."""


class Environment:
    """One checkout's environment, shared by every suite started from it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder = root / ".marquee"
        self._env = self._folder / "env"
        self._python = self._env / "bin" / "python"
        self._stamp = self._folder / "env.stamp"
        # Stays behind when an installation is killed: then the environment is made afresh.
        self._unfinished = self._folder / "env.unfinished"

    def ensure(self) -> None:
        """Make the environment match the checkout; one installation at a time."""
        if self._is_current():
            return
        self._folder.mkdir(exist_ok=True)
        with self._alone():
            if not self._is_current():
                self._install()

    def _is_current(self) -> bool:
        if not self._stamp.is_file() or not self._python.exists() or self._unfinished.exists():
            return False
        return self._stamp.read_text() == self._fingerprint() and self._has_stubs()

    def _fingerprint(self) -> str:
        digest = hashlib.sha256(f"{self._root}\0{sys.version}\0".encode())
        for pattern in STAMPED:
            for path in sorted(self._root.glob(pattern)):
                digest.update(f"{path.relative_to(self._root)}\0".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    def _has_stubs(self) -> bool:
        protos = self._root.glob("proto/marquee/**/*.proto")
        return all(proto.with_name(f"{proto.stem}_pb2.py").is_file() for proto in protos)

    @contextmanager
    def _alone(self) -> Generator[None]:
        with (self._folder / "env.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _say("waiting for another installation into the same environment")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _install(self) -> None:
        started = time.monotonic()
        fingerprint = self._fingerprint()
        uv = self._find_uv()
        self._stamp.unlink(missing_ok=True)
        if self._unfinished.exists() or not self._python_runs():
            _say("making the environment in .marquee/env")
            _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(self._env)])
        self._unfinished.touch()
        install = [uv, "pip", "install", "--quiet", "--python", str(self._python)]
        _say("installing the locked packages")
        _run([*install, "--require-hashes", "--requirement", str(self._root / "requirements.lock")])
        _say("installing Marquee's own distributions, generating the stubs")
        own = [f"--editable={folder}" for folder in self._distributions()]
        _run([*install, "--no-deps", "--no-build-isolation", "--reinstall", *own])
        self._borrow_openmp()
        _say("compiling")
        self._warm()
        self._unfinished.unlink()
        self._stamp.write_text(fingerprint)
        _say(f"environment ready in {time.monotonic() - started:.0f} s")

    def _borrow_openmp(self) -> None:
        """On a system without libgomp (slim ones), lend implicit the copy scikit-learn brings.

        `marquee` puts the folder on the library path when it is there.
        """
        load = "import ctypes; ctypes.CDLL('libgomp.so.1'); print('there')"
        if sys.platform != "linux" or _output([str(self._python), "-c", load]):
            return
        copies = self._env.glob("lib/python*/site-packages/scikit_learn.libs/libgomp-*.so*")
        copy = next(copies, None)
        if copy is not None:
            borrowed = self._env / "lib" / "borrowed"
            borrowed.mkdir(exist_ok=True)
            link = borrowed / "libgomp.so.1"
            link.unlink(missing_ok=True)
            link.symlink_to(copy)

    def _warm(self) -> None:
        """Import what is started first, so that not every process compiles the same modules."""
        started = [
            subprocess.Popen([self._python, "-c", f"import {modules}"], stderr=subprocess.DEVNULL)
            for modules in WARMED
        ]
        for process in started:
            process.wait()

    def _python_runs(self) -> bool:
        """A moved checkout or an upgraded system Python leaves an interpreter that cannot start."""
        expected = f"{sys.version}\n{self._env}\n"
        asked = "import sys; print(sys.version); print(sys.prefix)"
        return self._python.exists() and _output([str(self._python), "-c", asked]) == expected

    def _distributions(self) -> list[Path]:
        patterns = [each for each in STAMPED if each.endswith("pyproject.toml")]
        return [path.parent for each in patterns for path in sorted(self._root.glob(each))]

    def _find_uv(self) -> str:
        found = shutil.which("uv")
        if found:
            return found
        private = self._folder / "uv" / "bin" / "uv"
        if not _output([str(private), "--version"]):
            self._install_uv(private.parent.parent)
        return str(private)

    def _install_uv(self, folder: Path) -> None:
        _say("installing uv into .marquee/uv")
        if not _output([sys.executable, "-c", "import ensurepip, venv; print('both')"]):
            raise Failure("needs Python's venv module or uv (Debian: apt-get install python3-venv)")
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        locks = Path(__file__).with_name("locks.py")
        wanted = folder / "uv.lock"
        wanted.write_text(_output([sys.executable, "-I", str(locks), "subset", "install"]))
        install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        _run([*install, "--require-hashes", "--requirement", str(wanted)])


def _output(command: list[str]) -> str:
    """What a program prints; nothing when it is missing or fails."""
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


def _run(command: list[str]) -> None:
    settings = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    # An activated environment of the caller's is none of our business.
    settings.pop("VIRTUAL_ENV", None)
    finished = subprocess.run(command, env=settings, check=False, stdin=subprocess.DEVNULL)
    if finished.returncode != 0:
        raise Failure(
            f"could not install (the reason is above): {Path(command[0]).name} {command[1]} failed"
        )


def _say(line: str) -> None:
    print(f"marquee: {line}", file=sys.stderr, flush=True)


def main() -> int:
    """Ensure the environment of the checkout given as the only argument."""
    try:
        Environment(Path(sys.argv[1])).ensure()
    except Failure as failure:
        _say(str(failure))
        return 1
    except KeyboardInterrupt:
        _say("stopped; the next run starts the installation again")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
