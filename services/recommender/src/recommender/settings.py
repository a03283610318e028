"""What the recommender is told by its environment."""

from pydantic import Field, field_validator

from chassis.settings import Listen, ServiceSettings


class Settings(ServiceSettings):
    """Read once in __main__ and handed to wiring."""

    grpc_listen: Listen = Field("127.0.0.1:50054", description="host:port the RPCs are served at")
    model_store: str = Field(
        "file:///var/lib/marquee/models",
        description="fsspec URL of the folder that trained models are kept in (file://; with the "
        "package s3fs also s3://)",
    )
    model_cache: str = Field(
        "/var/tmp/marquee-models",  # noqa: S108 - a folder of its own, and files are verified
        description="Local folder where serving replicas keep models of a remote store",
    )
    training_threads: int = Field(2, ge=1, le=256, description="Threads of a training")
    retrain_seconds: int = Field(
        86_400, ge=60, description="A model older than this is trained anew when there is new data"
    )
    retrain_share: float = Field(
        0.1, gt=0, le=10, description="Share of new interactions that starts a training at once"
    )
    first_training_interactions: int = Field(
        200, ge=1, description="Interactions it takes before the first model is trained"
    )
    kept_models: int = Field(
        5,
        ge=1,
        le=1000,
        description="Retired models kept for a roll-back, and as many that never were live",
    )
    history_months: int = Field(
        24, ge=1, le=1200, description="Months of recommendation history that are kept"
    )
    active_days: int = Field(
        14, ge=1, le=365, description="Lists are made ahead for people who were here so lately"
    )
    search_seconds: int = Field(
        3600, ge=1, description="How long a search for better options of training may begin trials"
    )
    exploration_share: float = Field(
        0.0,
        ge=0.0,
        le=0.2,
        description="Share of the places of a list that go to another movie than the best; the "
        "probability of each is in the history",
    )
    neighbour_seconds: float = Field(
        0.08, gt=0, le=10, description="How long to wait for a neighbour while ranking"
    )

    @field_validator("model_store")
    @classmethod
    def _url(cls, value: str) -> str:
        if "://" not in value:
            raise ValueError("must be a URL, as file:///folder or s3://bucket/folder")
        return value.rstrip("/")
