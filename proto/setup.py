"""Generates the stubs whenever the contract is installed, in place or into a wheel."""

import shutil
import sys
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from grpc_tools import protoc
from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent.resolve()
GENERATED = ("*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py", "*_pb2_grpc.pyi")


class GenerateStubs(build_py):
    """build_py, which an editable install runs as well, with protoc before it."""

    def run(self) -> None:
        """Generate, then go on as usual."""
        generate(ROOT)
        super().run()


def generate(root: Path) -> None:
    """Put a module and its types beside every .proto; drop those of a .proto that has gone."""
    with TemporaryDirectory(dir=root, prefix=".stubs-") as folder:
        fresh = Path(folder)
        _run_protoc(root, fresh)
        written = {path.relative_to(fresh) for path in fresh.rglob("*") if path.is_file()}
        # Replaced one by one, each at once: another process may be importing them.
        for stub in written:
            (fresh / stub).replace(root / stub)
    for pattern in GENERATED:
        for stub in root.glob(f"marquee/**/{pattern}"):
            if stub.relative_to(root) not in written:
                stub.unlink()


def _run_protoc(root: Path, target: Path) -> None:
    protos = sorted(root.glob("marquee/**/*.proto"))
    if not protos:
        raise SystemExit(f"{root}: no .proto file to generate stubs from")
    arguments = [
        "protoc",
        f"--proto_path={root}",
        f"--proto_path={files('grpc_tools').joinpath('_proto')}",
        f"--plugin=protoc-gen-mypy_grpc={_typed_grpc_plugin()}",
        f"--python_out={target}",
        f"--pyi_out={target}",
        f"--grpc_python_out={target}",
        # Concrete: an RPC that is in the contract may not be in the code yet.
        f"--mypy_grpc_out=quiet,generate_concrete_servicer_stubs:{target}",
        *(str(proto) for proto in protos),
    ]
    if protoc.main(arguments) != 0:
        raise SystemExit("protoc refused the contract; its reasons are above")


def _typed_grpc_plugin() -> str:
    """protoc starts plugins by path, and an environment's bin/ need not be on PATH."""
    name = "protoc-gen-mypy_grpc"
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise SystemExit("mypy-protobuf is missing from the environment that builds marquee-proto")
    return found


setup(cmdclass={"build_py": GenerateStubs})
