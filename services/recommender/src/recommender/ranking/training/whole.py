"""A training from its beginning to its end."""

from recommender.ranking.catalogue import Catalogue
from recommender.ranking.ensemble import Model
from recommender.ranking.training.fitting import fit
from recommender.ranking.training.learning import learn
from recommender.ranking.training.material import Interactions, Options, material


def train(interactions: Interactions, catalogue: Catalogue, options: Options) -> Model:
    """A model of every movie of the catalogue; interactions with other movies are left out."""
    given = material(interactions, catalogue)
    learnt = learn(given, options)
    return fit(given, learnt.options, learnt.blend)
