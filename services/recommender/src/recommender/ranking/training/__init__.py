"""From interactions and a catalogue to a model: what is learnt on people held out, then the fit."""

from recommender.ranking.training.fitting import fit, plain_model
from recommender.ranking.training.learning import LIKED, Learnt, learn, learnt_from
from recommender.ranking.training.material import Interactions, Material, Options, material
from recommender.ranking.training.whole import train

__all__ = [
    "LIKED",
    "Interactions",
    "Learnt",
    "Material",
    "Options",
    "fit",
    "learn",
    "learnt_from",
    "material",
    "plain_model",
    "train",
]
