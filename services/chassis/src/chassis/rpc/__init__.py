"""The gRPC server every service answers from: see `serve`."""

from chassis.rpc.calls import remaining_seconds
from chassis.rpc.server import Registration, Server, serve

__all__ = ["Registration", "Server", "remaining_seconds", "serve"]
