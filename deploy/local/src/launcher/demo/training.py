"""Training once the recommender has heard of everything that was loaded."""

import time
import uuid
from typing import Any

import redis

from chassis.events import stream_key
from launcher.demo.loading import Stubs, patiently
from launcher.demo.progress import Progress
from launcher.settings import Failure
from marquee.recommender.v1 import recommender_pb2 as pb

_GROUP = b"recommender"
_STREAMS = ("catalog.events", "users.events", "interactions.events")
_POLL_SECONDS = 0.5
_TRAVEL_SECONDS = 300.0
_TRAINING_SECONDS = 3600.0
_QUIET_POLLS = 4
_TRAININGS = 3


def learnt_already(stubs: Stubs, version: str) -> pb.Model | None:
    """The live model, when the one of this version is still known."""
    models = patiently(lambda: stubs.recommender.ListModels(pb.ListModelsRequest())).models
    if all(model.model_version != version for model in models):
        return None
    return next((model for model in models if model.state == "live"), None)


def train(stubs: Stubs, streams: redis.Redis, ratings_count: int, progress: Progress) -> pb.Model:
    """Train until a model has learnt from what was loaded; answers the newest model."""
    for _attempt in range(_TRAININGS):
        _wait_for_events(streams, progress)
        version = _training(stubs, progress)
        models = patiently(lambda: stubs.recommender.ListModels(pb.ListModelsRequest())).models
        made = next((model for model in models if model.model_version == version), None)
        if made is not None and made.interactions_count >= ratings_count:
            return made
    raise Failure("the model has not learnt from all that was loaded; see ./marquee logs")


def _wait_for_events(streams: redis.Redis, progress: Progress) -> None:
    """Until the recommender has read its streams to the end for a while."""
    deadline = time.monotonic() + _TRAVEL_SECONDS
    quiet = 0
    while quiet < _QUIET_POLLS:
        waiting = sum(_waiting(streams, name) for name in _STREAMS)
        quiet = 0 if waiting else quiet + 1
        if waiting and time.monotonic() > deadline:
            raise Failure(f"{waiting:,} events still wait for the recommender")
        if waiting:
            progress.waiting("events the recommender has yet to hear of", waiting)
        time.sleep(_POLL_SECONDS)


def _waiting(streams: redis.Redis, name: str) -> int:
    groups: Any = streams.xinfo_groups(stream_key(name)) if streams.exists(stream_key(name)) else []
    for group in groups:
        if group["name"] == _GROUP:
            return int(group["lag"] or 0) + int(group["pending"])
    return 0


def _training(stubs: Stubs, progress: Progress) -> str:
    request = pb.TrainModelRequest(request_id=str(uuid.uuid4()))
    training = patiently(lambda: stubs.recommender.TrainModel(request)).training
    deadline = time.monotonic() + _TRAINING_SECONDS
    while training.state not in ("done", "failed"):
        if time.monotonic() > deadline:
            raise Failure(
                "the training takes more than an hour; see ./marquee logs recommender.work"
            )
        time.sleep(_POLL_SECONDS)
        asked = pb.GetTrainingRequest(training_id=training.training_id)
        training = patiently(lambda asked=asked: stubs.recommender.GetTraining(asked)).training
        progress.step(
            f"training, {training.step or training.state}", int(training.progress * 100), 100
        )
    if training.state == "failed":
        raise Failure(f"the training failed: {training.error}")
    return training.model_version
