"""One synthetic world: a catalogue with its people, texts, edits, lists and faults."""

from tmdb_standin.catalogue import Catalogue, Outline
from tmdb_standin.clock import Clock
from tmdb_standin.details import Details
from tmdb_standin.errors import invalid_id, not_found
from tmdb_standin.extras import Extras
from tmdb_standin.faultbox import FaultBox
from tmdb_standin.lists import Lists
from tmdb_standin.people import People
from tmdb_standin.revisions import Revisions
from tmdb_standin.settings import Settings
from tmdb_standin.text import Storyteller
from tmdb_standin.values import whole
from tmdb_standin.vocabulary import FIRST_ID


class World:
    """All parts of a stand-in, built from its settings; building one costs no time."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = Clock(settings.now)
        self.catalogue = Catalogue(settings.size, settings.seed, settings.epoch)
        self.people = People(self.catalogue)
        self.stories = Storyteller(self.catalogue)
        self.details = Details(self.catalogue, self.stories)
        self.extras = Extras(self.catalogue, self.details, self.stories)
        self.lists = Lists(self.catalogue, self.details, self.stories)
        self.revisions = Revisions(self.catalogue, settings.daily_edits)
        self.faults = FaultBox(settings.seed, settings.faults)

    def find(self, text: str) -> Outline:
        """The movie behind an id as it stands in a path: a number or an IMDb id."""
        if text.startswith("tt9") and (index := whole(text[3:])) is not None:
            return self.at(index)
        return self.at(parse_id(text) - FIRST_ID)

    def at(self, index: int) -> Outline:
        """The movie at an index, unless there is none or it is gone."""
        if not 0 <= index < self.catalogue.size or not self.exists(index):
            raise not_found()
        return self.catalogue.outline(index)

    def exists(self, index: int) -> bool:
        """Whether this movie has not been deleted."""
        return FIRST_ID + index not in self.faults.deleted


def parse_id(text: str) -> int:
    """A positive id, or TMDb's refusal."""
    number = whole(text)
    if number is None or not 0 < number < 1 << 63:
        raise invalid_id()
    return number
