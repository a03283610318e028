"""What PostgreSQL and Valkey have in common: a folder, a log, a pid file, a way to start."""

import importlib.util
import signal
import subprocess
import time
from pathlib import Path

from chassis.embedded.children import STOP_TIMEOUT_SECONDS, StartError, end_orphan

START_TIMEOUT_SECONDS = 60.0


def wheel_folder(package: str) -> Path:
    """The folder of an installed package, without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise StartError(f"the package {package} is not installed")
    return Path(spec.origin).parent


def write_private(path: Path, text: str) -> None:
    """Write a file that nobody else may read, and that is there whole or not at all."""
    draft = path.with_name(f"{path.name}.draft")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)


class EmbeddedServer:
    """One child process with a folder, a log, a pid file and a readiness probe."""

    name = "server"
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = Path(folder).resolve()
        self.port = port
        self.log_path = self.folder / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def spawn(self) -> None:
        """Start the process without waiting until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._prepare()
        end_orphan(self._pid_path, str(self.folder), self.stop_signal)
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=self.folder,
            )
        self._pid_path.write_text(str(self._process.pid))

    def start(self, timeout_seconds: float = START_TIMEOUT_SECONDS) -> None:
        """Start and return when it answers; StartError when it does not."""
        deadline = time.monotonic() + timeout_seconds
        self.spawn()
        while not self.ready():
            if self.pid is None:
                # After a kill -9 PostgreSQL's children may hold its memory for a moment longer.
                if not self._may_retry() or time.monotonic() > deadline:
                    raise StartError(f"{self.name} ended while starting:\n{self._log_tail()}")
                self.spawn()
            if time.monotonic() > deadline:
                self.stop()
                raise StartError(f"{self.name} does not answer:\n{self._log_tail()}")
            time.sleep(0.02)

    def stop(self, timeout_seconds: float = STOP_TIMEOUT_SECONDS) -> None:
        """Stop cleanly; kill what does not end in time. Stopping twice is fine."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(self.stop_signal)
            try:
                self._process.wait(timeout_seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        self._pid_path.unlink(missing_ok=True)
        self._process = None

    def kill(self) -> None:
        """kill -9, as a fault would; start() brings it back."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def ready(self) -> bool:
        """Whether it answers now."""
        raise NotImplementedError

    def _prepare(self) -> None:
        raise NotImplementedError

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _may_retry(self) -> bool:
        return False

    @property
    def _pid_path(self) -> Path:
        return self.folder / f"{self.name}.pid"

    def _log_tail(self, lines: int = 15) -> str:
        text = self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])
