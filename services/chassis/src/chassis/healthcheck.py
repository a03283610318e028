"""Is the process behind an address well? `python -m chassis.healthcheck grpc://… | http://…`."""

import sys
from http import HTTPStatus, client
from typing import Any
from urllib.parse import urlsplit

_SECONDS = 3.0
_USAGE = "usage: python -m chassis.healthcheck grpc://host:port | http://host:port/path\n"
_UNWELL, _USAGE_ERROR = 1, 2


def main(arguments: list[str]) -> int:
    """Exit code 0 when it is well; else a line on standard error says why not."""
    address = urlsplit(arguments[0]) if len(arguments) == 1 else urlsplit("")
    checks = {"grpc": _grpc_trouble, "http": _http_trouble}
    if address.scheme not in checks or not address.netloc:
        sys.stderr.write(_USAGE)
        return _USAGE_ERROR
    trouble = checks[address.scheme](address.netloc, address.path or "/")
    if trouble:
        sys.stderr.write(f"{arguments[0]}: {trouble}\n")
    return _UNWELL if trouble else 0


def _grpc_trouble(netloc: str, _path: str) -> str:
    """What the standard health service says, unless it is SERVING."""
    # Imported here: half the time of a check, and most checks of a suite are over HTTP.
    import grpc  # noqa: PLC0415
    from grpc_health.v1 import health_pb2, health_pb2_grpc  # noqa: PLC0415

    with grpc.insecure_channel(netloc) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        try:
            reply = stub.Check(health_pb2.HealthCheckRequest(), timeout=_SECONDS)
        except grpc.RpcError as error:
            return str(error.code().name)
    serving = health_pb2.HealthCheckResponse.SERVING
    return "" if reply.status == serving else "NOT_SERVING"


def _http_trouble(netloc: str, path: str) -> str:
    connection = client.HTTPConnection(netloc, timeout=_SECONDS)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    except (OSError, client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
    return "" if status == HTTPStatus.OK else f"answers {status}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
