"""The people: companies of actors and crew that meet again over movies of one theme or genre.

Casting is an affine walk over pools, so it can be asked both ways: who is in a movie, and which
movies a person is in.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from math import gcd
from typing import Any, NamedTuple

from tmdb_standin.catalogue import Catalogue, Outline
from tmdb_standin.drawing import Draw, mix
from tmdb_standin.posters import picture
from tmdb_standin.vocabulary import FIRST_ID, vocabulary

Json = dict[str, Any]

WALK, CAST, CREW, PERSON, CREDIT = range(20, 25)
NO_IMDB = 26
_CARD, _LIFE = 1, 2

FAMOUS = 3
GENDERS = (1, 2, 2, 1, 2)
GENDERS_WITH_UNKNOWN = (1, 2, 0, 2, 1, 2, 3)


@dataclass(frozen=True, slots=True)
class Trade:
    """A kind of people: how many there are for a movie, and how many of them work on one."""

    department: str
    job: str
    scope: str  # the movies one pool of them serves: a theme, a genre or all
    per_movie: float
    slots: int
    fame: float


TRADES = (
    Trade("Acting", "star", "genre", 1 / 25, 2, 40.0),
    Trade("Acting", "lead", "theme", 1 / 8, 3, 12.0),
    Trade("Acting", "support", "all", 1 / 3, 4, 4.0),
    Trade("Acting", "extra", "all", 1.0, 6, 0.9),
    Trade("Directing", "Director", "theme", 1 / 7, 1, 4.0),
    Trade("Writing", "Screenplay", "theme", 1 / 5, 2, 1.5),
    Trade("Production", "Producer", "genre", 1 / 8, 2, 1.2),
    Trade("Camera", "Director of Photography", "genre", 1 / 10, 1, 0.9),
    Trade("Editing", "Editor", "all", 1 / 10, 1, 0.6),
    Trade("Sound", "Original Music Composer", "genre", 1 / 12, 1, 2.0),
    Trade("Art", "Production Design", "all", 1 / 10, 1, 0.5),
    Trade("Costume & Make-Up", "Costume Design", "all", 1 / 12, 1, 0.5),
    Trade("Production", "Casting", "all", 1 / 20, 1, 0.7),
)


class Walk(NamedTuple):
    """One slot of a pool: movie place -> person, and back."""

    step: int
    inverse: int
    start: int
    drift: int


@dataclass(frozen=True, slots=True)
class Pool:
    """The people of one trade who serve one range of places."""

    trade: Trade
    first_place: int
    places: int
    first_person: int
    count: int
    walks: tuple[Walk, ...]

    def people_at(self, place: int) -> list[int]:
        """Who fills the slots of the movie at a place (indexes over all people)."""
        first, count = self.first_person, self.count
        lap, at = divmod(place - self.first_place, count)
        return [
            first + (step * at + start + lap * drift) % count
            for step, _, start, drift in self.walks
        ]

    def places_of(self, person: int) -> Iterator[int]:
        """The places whose movies may hold this person."""
        number = person - self.first_person
        for lap in range(self.places // self.count + 1):
            for walk in self.walks:
                offset = number - walk.start - lap * walk.drift
                at = lap * self.count + walk.inverse * offset % self.count
                if at < self.places:
                    yield self.first_place + at


class People:
    """Everyone who works in a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._seed = catalogue.seed
        self._pools, self._pool_of, self.size = self._build()
        self._firsts = [pool.first_person for pool in self._pools]
        words = vocabulary().words
        self._given, self._family = words["given"], words["family"]
        self._walk_ons = [job.title() for job in words["jobs"]]

    def _scopes(self) -> dict[str, list[tuple[int, int, list[int]]]]:
        """For each scope its ranges: first place, places, and the numbers of its cells."""
        cells = self._catalogue.cells
        genres: dict[int, list[int]] = {}
        for cell in cells:
            genres.setdefault(cell.theme.genre_id, []).append(cell.number)
        return {
            "theme": [(cell.start, cell.size, [cell.number]) for cell in cells],
            "genre": [
                (cells[numbers[0]].start, sum(cells[n].size for n in numbers), numbers)
                for numbers in genres.values()
            ],
            "all": [(0, self._catalogue.size, [cell.number for cell in cells])],
        }

    def _build(self) -> tuple[list[Pool], list[list[Pool]], int]:
        scopes = self._scopes()
        pools: list[Pool] = []
        pool_of: list[list[Pool]] = [[] for _ in self._catalogue.cells]
        people = 0
        for trade in TRADES:
            for first_place, places, numbers in scopes[trade.scope]:
                count = max(2 + trade.slots, round(places * trade.per_movie))
                walks = tuple(self._walk(people, slot, count) for slot in range(trade.slots))
                pools.append(Pool(trade, first_place, places, people, count, walks))
                people += count
                for number in numbers:
                    pool_of[number].append(pools[-1])
        return pools, pool_of, people

    def _walk(self, first_person: int, slot: int, count: int) -> Walk:
        draw = Draw(self._seed, WALK, first_person, slot)
        step = 1 + draw.below(count)
        while gcd(step, count) != 1:
            step += 1
        return Walk(step, pow(step, -1, count), draw.below(count), 1 + draw.below(count))

    def pool_of(self, person: int) -> Pool:
        """The pool a person belongs to."""
        return self._pools[bisect_right(self._firsts, person) - 1]

    def index_of(self, person_id: int) -> int | None:
        """The index behind an id, if there is such a person."""
        person = person_id - FIRST_ID
        return person if 0 <= person < self.size else None

    def cast(self, movie: Outline) -> list[Json]:
        """TMDb's cast entries of a movie."""
        credit = self._credit(movie.index)
        return [
            self._part(person, trade, order, credit)
            for order, (person, trade) in enumerate(self._players(movie).items())
        ]

    def _players(self, movie: Outline) -> dict[int, Trade]:
        """Who plays in a movie, the stars first."""
        draw = Draw(self._seed, CAST, movie.index)
        part = movie.rank / self._catalogue.size
        wanted = 0 if part > 0.1 and draw.chance(5) else draw.between(4, 15) if part > 0.02 else 15
        players: dict[int, Trade] = {}
        for pool in self._pool_of[movie.cell.number][:4]:
            if len(players) >= wanted:
                break
            trade, people = pool.trade, pool.people_at(movie.place)
            if part > 0.4 and trade.job == "star":
                people = [person for person in people if draw.chance(35)]
            players |= dict.fromkeys(people, trade)
        while len(players) > wanted:
            players.popitem()
        return players

    def crew(self, movie: Outline) -> list[Json]:
        """TMDb's crew entries of a movie."""
        draw = Draw(self._seed, CREW, movie.index)
        if movie.rank > self._catalogue.size * 0.1 and draw.chance(3):
            return []
        absent = 55 if movie.rank > self._catalogue.size * 0.5 else 10
        first, *others = self._pool_of[movie.cell.number][4:]
        workers = [(person, first.trade) for person in first.people_at(movie.place)]
        workers += [
            (person, pool.trade)
            for pool in others
            for person in pool.people_at(movie.place)
            if not draw.chance(absent)
        ]
        credit = self._credit(movie.index)
        return [
            self._task(person, trade, 100 + order, credit)
            for order, (person, trade) in enumerate(workers)
        ]

    def _part(self, person: int, trade: Trade, order: int, credit: int) -> Json:
        bits = mix(credit << 32, person)
        if order < 6 or bits & 1:
            given, family = self._given, self._family
            name = f"{given[(bits >> 8) % len(given)]} {family[(bits >> 20) % len(family)]}"
        else:
            name = self._walk_ons[(bits >> 8) % len(self._walk_ons)]
        entry = self._person(person, trade)
        entry["cast_id"] = order + 2
        entry["character"] = name
        entry["credit_id"] = f"{credit:016x}{order:08x}"
        entry["order"] = order
        return entry

    def _task(self, person: int, trade: Trade, order: int, credit: int) -> Json:
        entry = self._person(person, trade)
        entry["credit_id"] = f"{credit:016x}{order:08x}"
        entry["department"] = trade.department
        entry["job"] = trade.job
        return entry

    def _credit(self, index: int) -> int:
        """What all credit ids of a movie begin with."""
        return mix(self._seed, CREDIT, index)

    def name(self, person: int) -> str:
        """A person's name."""
        bits, given, family = mix(self._seed, PERSON, person), self._given, self._family
        first, last = given[bits % len(given)], family[(bits >> 8) % len(family)]
        form = (bits >> 20) % 10
        if form < 4:
            return f"{first} {last}"
        if form < 7:
            return f"{first} {chr(65 + (bits >> 24) % 26)}. {last}"
        if form < 9:
            return f"{first} {given[(bits >> 32) % len(given)]} {last}"
        return f"{first} {last}-{family[(bits >> 32) % len(family)]}"

    def card(self, person: int) -> Json:
        """The short form of a person, as lists and credits hold it."""
        return self._person(person, self.pool_of(person).trade)

    def _person(self, person: int, trade: Trade) -> Json:
        bits = mix(self._seed, PERSON, _CARD, person)
        name = self.name(person)
        pictured = bits % 100 < (90 if trade.fame > FAMOUS else 45)
        genders = GENDERS if trade.fame >= 1 else GENDERS_WITH_UNKNOWN
        luck = (bits >> 16 & 0xFFFF) / 0x10000
        return {
            "adult": False,
            "gender": genders[(bits >> 8) % len(genders)],
            "id": FIRST_ID + person,
            "known_for_department": trade.department,
            "name": name,
            "original_name": name,
            "popularity": round(trade.fame * (0.05 + luck**3 * 2), 4),
            "profile_path": picture("f", FIRST_ID + person) if pictured else None,
        }

    def movies_of(self, person: int) -> list[int]:
        """Indexes of the movies a person may be credited in, the most popular first."""
        catalogue = self._catalogue
        places = set(self.pool_of(person).places_of(person))
        return sorted(map(catalogue.at_place, places), key=catalogue.ranks.place_of)

    def details(self, person: int) -> Json:
        """TMDb's answer for a person."""
        draw = Draw(self._seed, PERSON, _LIFE, person)
        card = self.card(person)
        born = date(1925, 1, 1) + timedelta(days=draw.below(28000))
        dead = born + timedelta(days=20000 + draw.below(13000))
        place = draw.pick(vocabulary().words["places"])
        work = card["known_for_department"].lower()
        told = draw.chance(45)
        return {
            "adult": card["adult"],
            "also_known_as": [card["name"].split(" ")[-1]] if draw.chance(10) else [],
            "biography": f"{card['name']}, born in {place}, is known for {work}." if told else "",
            "birthday": born.isoformat() if draw.chance(60) else None,
            "deathday": dead.isoformat() if dead < self._catalogue.epoch and told else None,
            "gender": card["gender"],
            "homepage": None,
            "id": card["id"],
            "imdb_id": self.imdb_id(person),
            "known_for_department": card["known_for_department"],
            "name": card["name"],
            "place_of_birth": place if draw.chance(60) else None,
            "popularity": card["popularity"],
            "profile_path": card["profile_path"],
        }

    def imdb_id(self, person: int) -> str | None:
        """A person's invented IMDb id, or None as for a quarter of them."""
        return f"nm9{person:07d}" if mix(self._seed, NO_IMDB, person) % 4 else None
