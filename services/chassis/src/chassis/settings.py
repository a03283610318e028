"""What every service is told by its environment."""

import os
import re
import socket
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

_LISTEN = re.compile(r"^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$")


def _database_url(value: str) -> str:
    try:
        url = make_url(value)
    except ArgumentError as error:
        raise ValueError("is not a database URL") from error
    if url.drivername not in {"postgresql", "postgresql+psycopg2"}:
        raise ValueError("must begin with postgresql+psycopg2://")
    return url.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)


def _redis_url(value: str) -> str:
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must begin with redis://, rediss:// or unix://")
    return value


def _listen(value: str) -> str:
    if value and not _LISTEN.match(value):
        raise ValueError("must be host:port")
    return value


def _instance() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
RedisUrl = Annotated[str, AfterValidator(_redis_url)]
Listen = Annotated[str, AfterValidator(_listen)]


class ServiceSettings(BaseSettings):
    """Read once at the start; a service adds its own fields, each with a description.

    A field is the environment variable of the same name in capitals.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: DatabaseUrl = Field(description="PostgreSQL, postgresql+psycopg2://…")
    redis_streams_url: RedisUrl = Field(description="Redis of streams and the job broker")
    redis_cache_url: RedisUrl = Field(description="Redis of caches and limits")
    internal_key: SecretStr = Field(
        description="Key of service tokens, at least 32 characters, the same in all services",
        min_length=32,
    )
    grpc_listen: Listen = Field("127.0.0.1:50050", description="host:port the RPCs are served at")
    metrics_listen: Listen = Field("", description="host:port of Prometheus metrics; empty is off")
    users_address: str = Field("127.0.0.1:50051", description="gRPC target of users")
    catalog_address: str = Field("127.0.0.1:50052", description="gRPC target of catalog")
    interactions_address: str = Field("127.0.0.1:50053", description="gRPC target of interactions")
    recommender_address: str = Field("127.0.0.1:50054", description="gRPC target of recommender")
    analytics_address: str = Field("127.0.0.1:50055", description="gRPC target of analytics")
    otlp_endpoint: str = Field("", description="OTLP/gRPC endpoint of traces; empty is off")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least severe level that is logged"
    )
    grpc_workers: int = Field(16, ge=1, le=512, description="Threads that answer RPCs")
    database_pool_size: int = Field(16, ge=2, le=200, description="Database connections at most")
    drain_seconds: float = Field(
        1.0, ge=0, le=60, description="How long to say NOT_SERVING before closing, on SIGTERM"
    )
    beat_services: str = Field(
        "", description="Services `beat` ticks for, with commas between; empty is this one alone"
    )
    instance: str = Field(
        default_factory=_instance, description="Name of this process among its like"
    )
