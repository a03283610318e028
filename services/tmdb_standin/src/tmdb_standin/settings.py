"""Settings of the stand-in, read once from STANDIN_* environment variables."""

from datetime import date
from pathlib import Path
from typing import Annotated

import orjson
from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from tmdb_standin.clock import Moment
from tmdb_standin.faults import Faults


def _from_json(value: object) -> object:
    return orjson.loads(value) if isinstance(value, str) else value


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(env_prefix="STANDIN_", env_nested_delimiter="__")

    token: SecretStr = Field(
        min_length=1, description="accepted as bearer token and as api_key; no default"
    )
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8090, ge=1, le=65535, description="port to listen on")
    size: int = Field(default=5000, ge=1, le=20_000_000, description="how many movies there are")
    seed: int = Field(default=1, ge=0, lt=1 << 63, description="another seed is another catalogue")
    epoch: date = Field(
        default=date(2026, 1, 1),
        ge=date(1920, 1, 1),
        le=date(2999, 12, 31),
        description="the day edits begin; releases run to the end of the year after it",
    )
    now: Moment | None = Field(
        default=None, description="freeze the clock at this moment (with its zone); unset is real"
    )
    daily_edits: float = Field(
        default=0.006, ge=0, le=1, description="share of the movies edited a day; 0 is none"
    )
    export_folder: Path | None = Field(
        default=None, description="where finished exports are kept; unset is a temporary folder"
    )
    prepared: Path | None = Field(
        default=None, description="a folder of `prepare`, given as far as it is still true"
    )
    public_url: str = Field(
        default="", description="base of picture URLs; unset is the host the request was sent to"
    )
    # Taken from JSON here, or text that is none would be told of without its name.
    faults: Annotated[Faults, NoDecode, BeforeValidator(_from_json)] = Field(
        default_factory=Faults, description="faults on from the start, as a JSON object"
    )
