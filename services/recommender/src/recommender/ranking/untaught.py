"""How much each ranker counts before anybody has taught it, by history length."""

from collections.abc import Mapping

import numpy as np

from recommender.ranking.arrays import Arrays, Floats
from recommender.ranking.ensemble import COLLABORATIVE, RANKERS, TYPES

Weights = Mapping[str, float]

# Where learning starts, and what counts where too few people can teach: for a person nobody
# knows (all history still to come) and for one with a long history. Between, by _STRANGENESS.
_STRANGER: Mapping[str, Weights] = {
    "trending": {"trend": 1.0},
    "popular": {"popularity": 1.0},
    "genre_based": {"genres": 1.0, "popularity": 1.0, "trend": 0.3, "unmet": 1.0},
    "content_based": {
        "content": 0.5, "genres": 1.0, "popularity": 1.0, "trend": 0.3, "unmet": 1.0,
    },
    "collaborative": {
        "als": 1.0, "ease": 0.35, "neighbours": 0.1, "popularity": 0.7, "trend": 0.3, "unmet": 1.0,
        "near": 0.1, "next": 0.1,
    },
    "hybrid": {
        "als": 1.0, "ease": 0.35, "neighbours": 0.1, "popularity": 0.7, "trend": 0.3,
        "genres": 0.5, "content": 0.2, "unmet": 1.0, "near": 0.1, "next": 0.1,
    },
}  # fmt: skip
_REGULAR: Mapping[str, Weights] = {
    "trending": {"trend": 1.0},
    "popular": {"popularity": 1.0},
    "genre_based": {"genres": 1.0, "popularity": 0.6, "trend": 0.3, "unmet": 0.5},
    "content_based": {"content": 1.0, "genres": 0.3, "popularity": 0.5, "unmet": 0.5},
    "collaborative": {
        "ease": 1.0, "als": 0.15, "neighbours": 0.1, "trend": 0.02, "unmet": 2.0,
        "near": 0.15, "next": 0.1,
    },
    "hybrid": {
        "ease": 1.0, "als": 0.15, "neighbours": 0.1, "trend": 0.02, "content": 0.5, "unmet": 2.0,
        "near": 0.15, "next": 0.1,
    },
}  # fmt: skip
# And what a long history's weights become where so many met every movie that who had what with what
# says it all: what a movie is and what came next to it add nothing.
_WELL_KNOWN: Mapping[str, Weights] = _REGULAR | {
    kind: {"ease": 1.0, "als": 0.7, "neighbours": 0.1, "trend": 0.02, "unmet": 2.0}
    for kind in ("collaborative", "hybrid")
}
# How far between the two a catalogue lies: one number, which people held out can tell.
ACQUAINTANCE = (0.0, 0.25, 0.5, 0.75, 1.0)
# Of a person without a history only the favorite genres are known, so these lead.
CHOSEN_GENRES = 4.0
# Of a person without a history these say something; the others would only repeat the crowd's.
OF_CROWD = ("popularity", "trend", "unmet")
_OF_HISTORY = [row for row, name in enumerate(RANKERS) if name not in {*OF_CROWD, "genres"}]
_STRANGENESS = (1.0, 1.0, 0.9, 0.6, 0.3, 0.0, 0.0)
# The least weights in lists for the days to come; where taste is of content, less of the crowd.
_AHEAD: Weights = {"trend": 1.5, "near": 0.2, "next": 0.2}
_AHEAD_BY_CONTENT: Weights = {"trend": 0.6}


def untaught_weights(acquaintance: float = 0.0) -> Arrays:
    """The tables of blend weights (buckets x rankers) of every type, nothing else learnt.

    blend.<type> is for a moment within what was trained on, blend.<type>.ahead for one after it.
    """
    strange = np.array(_STRANGENESS, np.float32)[:, None]
    tables: dict[str, Floats] = {}
    for kind in TYPES:
        rarely, often = _row(_REGULAR[kind]), _row(_WELL_KNOWN[kind])
        regular = rarely + np.float32(acquaintance) * (often - rarely)
        table = strange * _row(_STRANGER[kind]) + (1 - strange) * regular
        tables[f"blend.{kind}"] = table.astype(np.float32)
    for table in tables.values():
        table[0, _OF_HISTORY] = 0.0
    for kind in ("genre_based", "hybrid"):
        tables[f"blend.{kind}"][0, RANKERS.index("genres")] = CHOSEN_GENRES
    ahead = {f"blend.{kind}.ahead": for_now(tables[f"blend.{kind}"], kind) for kind in TYPES}
    return tables | ahead


def weights_without_people() -> Arrays:
    """Tables like untaught_weights for a model that knows nobody's movies yet: whatever counts on
    what people have in common is blended by content, or the crowd alone would fill its place."""
    tables = untaught_weights()
    for when in ("", ".ahead"):
        # Without a history it makes no difference, and the favorite genres lead.
        tables[f"blend.hybrid{when}"][1:] = tables[f"blend.content_based{when}"][1:]
    return tables


def for_now(table: Floats, kind: str) -> Floats:
    """The weights with what counts more for the days to come: what is new and what came last."""
    table = table.copy()
    least_of = _AHEAD if TYPES[kind] & COLLABORATIVE else _AHEAD_BY_CONTENT
    for name, least in least_of.items():
        row = RANKERS.index(name)
        if name in TYPES[kind]:
            # A person without a history has nothing that came last.
            mine = table[int(row in _OF_HISTORY) :, row]
            np.maximum(mine, least, out=mine)
    return table


def _row(weights: Weights) -> Floats:
    return np.array([weights.get(name, 0.0) for name in RANKERS], np.float32)
