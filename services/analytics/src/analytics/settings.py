"""What analytics is told by its environment."""

from pydantic import Field

from chassis.settings import Listen, ServiceSettings


class Settings(ServiceSettings):
    """Read once in __main__ and handed to wiring."""

    grpc_listen: Listen = Field("127.0.0.1:50055", description="host:port the RPCs are served at")
    activity_retention_months: int = Field(
        13, ge=2, le=1200, description="Whole months of activity kept; older partitions are dropped"
    )
