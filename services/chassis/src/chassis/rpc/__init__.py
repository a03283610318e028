"""The gRPC server every service answers from: see `serve`."""

from chassis.rpc.calls import client_address, remaining_seconds, require_time
from chassis.rpc.server import Registration, Server, serve

__all__ = [
    "Registration",
    "Server",
    "client_address",
    "remaining_seconds",
    "require_time",
    "serve",
]
