"""Looking for better options of training, one at a time, on people who judge nothing else."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from chassis.database import Database
from recommender.domain import ENOUGH_JUDGES, gain_interval
from recommender.operations.judging import apart, judged
from recommender.operations.training import Checkpoint, read_all
from recommender.ranking.training import Options, train

# People of this number try options out; those of 0 judge at the gate and are left alone.
_TRIERS = 1
# What is tried, the usual first: factors of what is usual, as ranking.training.Options has them.
_PLAN: Sequence[Mapping[str, float]] = (
    {},
    {"als_firmness": 0.6},
    {"als_firmness": 1.6},
    {"content": 0.3},
    {"content": 3.0},
    {"dropout": 0.5},
    {"dropout": 2.0},
)
TRIAL_COUNT = len(_PLAN)


def searched(
    database: Database,
    threads: int,
    checkpoint: Checkpoint,
    report: Callable[[int], None],
    *,
    budget_seconds: float,
) -> dict[str, Any]:
    """`chosen` options, each better beyond chance than what was best before, and all `trials`.

    No trial begins once the budget is spent. A search that was cut off goes on with the next one:
    people did more meanwhile, so what was best is judged again on what is known now.
    """
    interactions, catalogue = read_all(database)
    known, triers = apart(apart(interactions)[0], _TRIERS)
    usual = Options(threads=threads, learn_blend=False)
    found: dict[str, Any] = {"chosen": {}, "trials": [], **checkpoint.saved}
    best: Sequence[float] = ()
    ends_at = time.monotonic() + budget_seconds

    def tried_out(options: Mapping[str, float]) -> Sequence[float]:
        model = train(known, catalogue, replace(usual, **options))
        return judged(model, triers, usual.seed).ndcg_each

    for number in range(len(found["trials"]), TRIAL_COUNT):
        if time.monotonic() > ends_at:
            break
        report(number)
        if number > 0 and not best:
            best = tried_out(found["chosen"])
        tried = {**found["chosen"], **_PLAN[number]}
        each = tried_out(tried)
        if len(each) < ENOUGH_JUDGES:
            break
        trial = _weighed(tried, each, best)
        best = each if trial["kept"] else best
        found = {
            "chosen": tried if trial["kept"] else found["chosen"],
            "trials": [*found["trials"], trial],
        }
        checkpoint.keep(found)
    return {name: found[name] for name in ("chosen", "trials")}


def _weighed(
    tried: Mapping[str, float], each: Sequence[float], best: Sequence[float]
) -> dict[str, Any]:
    """What a trial says beside the best before, of the same people; the first has none."""
    low = 0.0
    if best:
        low, _ = gain_interval([new - old for new, old in zip(each, best, strict=True)])
    return {
        "options": dict(tried),
        "ndcg_at_10": sum(each) / len(each),
        "gain_low": low,
        "kept": not best or low > 0,
    }
