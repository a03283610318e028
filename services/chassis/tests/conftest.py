"""A small contract made here: one method per policy, text in and text out."""

from collections.abc import Callable
from typing import Any, cast

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.wrappers_pb2 import StringValue

from chassis.rpc import Registration
from marquee.policy.v1 import policy_pb2

NAME = "chassis_tests.v1.EchoService"
TEXT = ".google.protobuf.StringValue"
POLICIES = {
    "Public": policy_pb2.ACCESS_PUBLIC,
    "User": policy_pb2.ACCESS_USER,
    "Admin": policy_pb2.ACCESS_ADMIN,
    "Service": policy_pb2.ACCESS_SERVICE,
    "UserOrService": policy_pb2.ACCESS_USER_OR_SERVICE,
    "AdminOrService": policy_pb2.ACCESS_ADMIN_OR_SERVICE,
    "Undeclared": policy_pb2.ACCESS_UNSPECIFIED,
    "Once": policy_pb2.ACCESS_PUBLIC,
}


def _contract() -> bytes:
    file = descriptor_pb2.FileDescriptorProto(name="chassis_tests/echo.proto", syntax="proto3")
    file.package = "chassis_tests.v1"
    file.dependency.extend(["google/protobuf/wrappers.proto", "marquee/policy/v1/policy.proto"])
    service = file.service.add(name="EchoService")
    for name, access in POLICIES.items():
        method = service.method.add(name=name, input_type=TEXT, output_type=TEXT)
        if access:
            method.options.Extensions[cast(Any, policy_pb2.access)] = access
        if name != "Once":
            method.options.idempotency_level = descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS
    return file.SerializeToString()


@pytest.fixture(scope="session")
def echo() -> Callable[[Callable[[str], str]], Registration]:
    """`echo(behaviour)`: the registration of a service whose every method is `behaviour`."""
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(_contract())

    def registration(behaviour: Callable[[str], str]) -> Registration:
        def answer(request: StringValue, _context: grpc.ServicerContext) -> StringValue:
            return StringValue(value=behaviour(request.value))

        handler = grpc.unary_unary_rpc_method_handler(
            answer, StringValue.FromString, StringValue.SerializeToString
        )
        generic = grpc.method_handlers_generic_handler(NAME, dict.fromkeys(POLICIES, handler))

        def add(_servicer: object, server: grpc.Server) -> None:
            server.add_generic_rpc_handlers((generic,))

        return Registration(add, None, pool.FindServiceByName(NAME))

    return registration


@pytest.fixture
def ask() -> Callable[..., str]:
    """`ask(channel, "User", "text", metadata)`: the reply of that method."""

    def call(channel, method: str, text: str = "", metadata=(), timeout: float | None = 5) -> str:
        stub = channel.unary_unary(
            f"/{NAME}/{method}", StringValue.SerializeToString, StringValue.FromString
        )
        return stub(StringValue(value=text), timeout=timeout, metadata=metadata).value

    return call
