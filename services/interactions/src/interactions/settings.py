"""What interactions is told by its environment."""

from pydantic import Field

from chassis.settings import Listen, ServiceSettings


class Settings(ServiceSettings):
    """Nothing but what every service is told, at its own port."""

    grpc_listen: Listen = Field("127.0.0.1:50053", description="host:port the RPCs are served at")
