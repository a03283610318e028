"""The five services, as the gateway speaks to them."""

from dataclasses import dataclass

import grpc.aio

from chassis.clients import async_channel
from gateway.settings import Settings
from marquee.analytics.v1 import analytics_pb2_grpc
from marquee.catalog.v1 import catalog_pb2_grpc
from marquee.interactions.v1 import interactions_pb2_grpc
from marquee.recommender.v1 import recommender_pb2_grpc
from marquee.users.v1 import users_pb2_grpc


@dataclass(frozen=True)
class Services:
    """One stub and one channel a service."""

    users: "users_pb2_grpc.UsersServiceAsyncStub"
    catalog: "catalog_pb2_grpc.CatalogServiceAsyncStub"
    interactions: "interactions_pb2_grpc.InteractionsServiceAsyncStub"
    recommender: "recommender_pb2_grpc.RecommenderServiceAsyncStub"
    analytics: "analytics_pb2_grpc.AnalyticsServiceAsyncStub"
    channels: dict[str, grpc.aio.Channel]

    async def close(self) -> None:
        """Close every channel."""
        for channel in self.channels.values():
            await channel.close()


def connect(settings: Settings) -> Services:
    """Stubs whose channels connect from now on; call it inside the running event loop."""
    targets = {
        "users": settings.users_address,
        "catalog": settings.catalog_address,
        "interactions": settings.interactions_address,
        "recommender": settings.recommender_address,
        "analytics": settings.analytics_address,
    }
    channels = {
        name: async_channel(
            target,
            internal_key=settings.internal_key.get_secret_value(),
            service="gateway",
            timeout_seconds=settings.call_timeout_seconds,
        )
        for name, target in targets.items()
    }
    for channel in channels.values():
        # Whoever asks first should not wait for a connection as well.
        channel.get_state(try_to_connect=True)
    return Services(
        users=users_pb2_grpc.UsersServiceStub(channels["users"]),
        catalog=catalog_pb2_grpc.CatalogServiceStub(channels["catalog"]),
        interactions=interactions_pb2_grpc.InteractionsServiceStub(channels["interactions"]),
        recommender=recommender_pb2_grpc.RecommenderServiceStub(channels["recommender"]),
        analytics=analytics_pb2_grpc.AnalyticsServiceStub(channels["analytics"]),
        channels=channels,
    )
