"""The command: what to load, who to ask, what to tell at the end."""

import os
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import redis

from chassis.errors import Refusal
from launcher.backing import Servers
from launcher.demo import movielens, people
from launcher.demo.loading import Loader, Stubs, connect
from launcher.demo.progress import Progress
from launcher.demo.training import learnt_already, train
from launcher.settings import Failure, LocalSettings, Usage
from launcher.state import State
from launcher.suite import Suite

_TRAINED = "demo:trained"


def main(
    settings: LocalSettings,
    arguments: list[str],
    environment: Mapping[str, str] = os.environ,
) -> int:
    """Load demo people, or the MovieLens folder that MOVIELENS names; then train."""
    if arguments:
        raise Usage("demo   (MOVIELENS=<folder> imports MovieLens)")
    state = State(settings.state)
    if not state.is_taken():
        raise Failure("the suite is not running; start it with ./marquee up --detach")
    folder = environment.get("MOVIELENS", "")
    dataset = movielens.read(Path(folder).expanduser()) if folder else None
    with ExitStack() as stack:
        backing = Servers(settings, state).backing()
        suite = Suite(settings, state, backing)
        stubs = connect(suite.environment("catalog"), stack)
        streams = stack.enter_context(redis.Redis.from_url(backing.redis_streams_url))
        try:
            _load(state, stubs, streams, dataset)
        except Refusal as error:
            raise Failure(f"a service refused: {error.detail} ({error.reason})") from error
    return 0


def _load(
    state: State, stubs: Stubs, streams: redis.Redis, dataset: movielens.Dataset | None
) -> None:
    started = time.monotonic()
    progress = Progress()
    loader = Loader(stubs, state)
    # Blank while loading: a run that is cut off leaves it to the next one to train.
    trained = state.note(_TRAINED)
    state.write_note(_TRAINED, "")
    if dataset is None:
        ratings_count = people.load(loader, stubs, progress)
    else:
        ratings_count = movielens.load(loader, dataset, progress)
    loaded = time.monotonic()
    model = None if loader.changed else learnt_already(stubs, trained)
    if model is None:
        model = train(stubs, streams, ratings_count, progress)
        trained = model.model_version
    else:
        progress.say("nothing has changed since the last training")
    state.write_note(_TRAINED, trained)
    progress.say(
        f"loaded in {loaded - started:.1f} s, trained in {time.monotonic() - loaded:.1f} s"
    )
    if dataset is not None:
        for line in dataset.left_out():
            progress.say(f"left out: {line}")
    progress.say(f"model {model.model_version} is {model.state}: {_measured(model.metrics)}")


def _measured(metrics: Mapping[str, float]) -> str:
    return (
        ", ".join(f"{name} {value:.3f}" for name, value in sorted(metrics.items())) or "unmeasured"
    )
