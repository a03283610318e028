"""Starts both servers and waits to be killed: suite.py FOLDER POSTGRES_PORT VALKEY_PORT."""

import sys
import threading
from pathlib import Path

from chassis.embedded import EmbeddedPostgres, EmbeddedValkey

folder, postgres_port, valkey_port = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
EmbeddedPostgres(folder / "postgres", postgres_port, durable=False).start()
EmbeddedValkey(folder / "valkey", valkey_port).start()
threading.Event().wait()
