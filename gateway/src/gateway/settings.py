"""What the gateway is told by its environment."""

import os
import socket
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from chassis.settings import Listen, RedisUrl


def _instance() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


class Settings(BaseSettings):
    """Read once at the start. A field is the environment variable of its name in capitals."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    http_listen: Listen = Field("127.0.0.1:8080", description="host:port the API is served at")
    metrics_listen: Listen = Field("", description="host:port of Prometheus metrics; empty is off")
    redis_streams_url: RedisUrl = Field(description="Redis of streams and the job broker")
    redis_cache_url: RedisUrl = Field(description="Redis of caches and limits")
    internal_key: SecretStr = Field(
        description="Key of service tokens, at least 32 characters, the same in all services",
        min_length=32,
    )
    users_address: str = Field("127.0.0.1:50051", description="gRPC target of users")
    catalog_address: str = Field("127.0.0.1:50052", description="gRPC target of catalog")
    interactions_address: str = Field("127.0.0.1:50053", description="gRPC target of interactions")
    recommender_address: str = Field("127.0.0.1:50054", description="gRPC target of recommender")
    analytics_address: str = Field("127.0.0.1:50055", description="gRPC target of analytics")
    trusted_proxies: str = Field(
        "127.0.0.1,::1",
        description="Addresses or networks whose X-Forwarded-For is believed, comma-separated",
    )
    recommend_timeout_seconds: float = Field(
        0.2,
        gt=0,
        le=5,
        description="How long a page of recommendations waits before falling back",
    )
    call_timeout_seconds: float = Field(
        3.0, gt=0, le=60, description="How long any other call to a service may take"
    )
    concurrent_requests: int = Field(
        512, ge=1, le=100_000, description="Requests answered at once; more are shed with 503"
    )
    live_streams: int = Field(
        10_000, ge=1, le=1_000_000, description="Live streams open at once in this process"
    )
    sign_up_limit: int = Field(300, ge=1, description="Registrations per address in ten minutes")
    token_limit: int = Field(600, ge=1, description="Token requests per address in ten minutes")
    reset_limit: int = Field(
        60, ge=1, description="Password reset requests per address in ten minutes"
    )
    export_limit: int = Field(30, ge=1, description="Exports of one person in ten minutes")
    otlp_endpoint: str = Field("", description="OTLP/gRPC endpoint of traces; empty is off")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least severe level that is logged"
    )
    drain_seconds: float = Field(
        1.0, ge=0, le=60, description="How long /readyz says no before closing, on SIGTERM"
    )
    instance: str = Field(
        default_factory=_instance, description="Name of this process among its like"
    )
