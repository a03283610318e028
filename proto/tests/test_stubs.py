"""The contract as installed: stubs beside every .proto, typed, and none left over."""

from importlib import import_module
from pathlib import Path

import pytest

PROTO = Path(__file__).parents[1]
CONTRACTS = sorted(PROTO.glob("marquee/**/*.proto"))


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_every_contract_has_its_stubs(contract: Path):
    name = ".".join(contract.relative_to(PROTO).with_suffix("").parts)
    described = import_module(f"{name}_pb2").DESCRIPTOR
    assert described.name == str(contract.relative_to(PROTO))
    assert described.package == ".".join(contract.relative_to(PROTO).parts[:-1])
    for ending in ("_pb2.pyi", "_pb2_grpc.py", "_pb2_grpc.pyi"):
        assert contract.with_name(contract.stem + ending).exists()


def test_no_stub_outlives_its_contract():
    known = {contract.with_suffix("") for contract in CONTRACTS}
    stubs = [*PROTO.glob("marquee/*/v1/*_pb2*.py"), *PROTO.glob("marquee/*/v1/*_pb2*.pyi")]
    named = {stub.with_name(stub.name.partition("_pb2")[0]) for stub in stubs}
    assert named == known
