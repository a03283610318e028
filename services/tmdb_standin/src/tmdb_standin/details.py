"""TMDb's answer for a movie and its short form in lists."""

from datetime import date
from functools import lru_cache
from typing import Any

from tmdb_standin.catalogue import COLLECTION_BLOCK, Catalogue, Outline
from tmdb_standin.drawing import Draw, mix
from tmdb_standin.posters import picture
from tmdb_standin.revisions import Edits, edits_of
from tmdb_standin.text import LANGUAGES, Storyteller
from tmdb_standin.vocabulary import FIRST_ID, GENRE_LANGUAGES, vocabulary

Json = dict[str, Any]

MONEY, LOOKS, TOLD, MAKERS, NO_OVERVIEW, LONGER_CUT = range(41, 47)
NO_TAGLINE, VIDEO, NO_IMDB, HOMEPAGE = range(47, 51)

COUNTRIES = {
    "US": "United States of America", "GB": "United Kingdom", "FR": "France", "ES": "Spain",
    "MX": "Mexico", "JP": "Japan", "DE": "Germany", "KR": "South Korea", "IN": "India",
    "CN": "China", "IT": "Italy", "BR": "Brazil",
}  # fmt: skip


class Details:
    """Movies of one catalogue as TMDb tells them."""

    def __init__(self, catalogue: Catalogue, storyteller: Storyteller) -> None:
        self._catalogue = catalogue
        self._seed = catalogue.seed
        self._stories = storyteller
        self.told_in = lru_cache(maxsize=64)(self._told_in)
        self._english = lru_cache(maxsize=64)(self._told_in_english)
        self._genre_names = {
            tongue: {genre.genre_id: genre.names[tongue] for genre in vocabulary().genres}
            for tongue in GENRE_LANGUAGES
        }

    def genres(self, movie: Outline, language: str) -> list[Json]:
        """A movie's genres, named in a language."""
        names = self._genre_names.get(language, self._genre_names["en"])
        return [{"id": number, "name": names[number]} for number in movie.genre_ids]

    def _told_in(self, movie: Outline) -> list[str]:
        """The languages a movie has a translation in, its own included."""
        draw = Draw(self._seed, TOLD, movie.index)
        popular = movie.rank < self._catalogue.size * 0.2
        chance, english = (92, 99) if popular else (22, 96)
        return [
            tongue
            for tongue in LANGUAGES
            if draw.chance(english if tongue == "en" else chance) or tongue == movie.language
        ]

    def texts(self, movie: Outline, language: str, edits: Edits) -> tuple[str, str, str]:
        """Title, overview and tagline in a language; '' where nobody translated them."""
        if language not in self.told_in(movie):
            return self._stories.original_title(movie), "", ""
        return self.translation(movie, language, edits)

    def translation(self, movie: Outline, language: str, edits: Edits) -> tuple[str, str, str]:
        """Title, overview and tagline in a language the movie is told in."""
        if language == "en":
            return self._english(movie, edits)
        return self._stories.title(movie, language), self._stories.summary(movie, language), ""

    def _told_in_english(self, movie: Outline, edits: Edits) -> tuple[str, str, str]:
        title = self._stories.title(movie, "en")
        return title, self._overview(movie, edits), self._tagline(movie, edits)

    def _overview(self, movie: Outline, edits: Edits) -> str:
        """A movie's English overview with every edit made to it."""
        tail = movie.rank > self._catalogue.size * 0.2
        silent = tail and mix(self._seed, NO_OVERVIEW, movie.index) % 100 < 9
        overview = "" if silent else self._stories.overview(movie)
        places = vocabulary().words["places"]
        for number in range(edits.overview):
            place = places[mix(LONGER_CUT, movie.index, number) % len(places)]
            overview += f" A longer cut was shown in {place}."
        return overview.strip()

    def _tagline(self, movie: Outline, edits: Edits) -> str:
        tail = movie.rank > self._catalogue.size * 0.2
        silent = tail and mix(self._seed, NO_TAGLINE, movie.index) % 100 < 60
        if silent and not edits.tagline:
            return ""
        return self._stories.tagline(movie, edits.tagline)

    def votes(self, movie: Outline, today: date) -> tuple[float, int]:
        """Vote average and count; the count grows a little every day."""
        if movie.release_date is None or movie.release_date > today:
            return 0.0, 0
        age_days = (today - movie.release_date).days
        growth = 1 + max(0, (today - self._catalogue.epoch).days) / 4000
        count = int(movie.votes * min(1.0, 0.1 + age_days / 400) * growth)
        return (round(movie.quality, 3), count) if count else (0.0, 0)

    def pictures(self, movie: Outline) -> tuple[str | None, str | None]:
        """Poster and backdrop path; a part of the tail has none."""
        draw = Draw(self._seed, LOOKS, movie.index)
        tail = movie.rank > self._catalogue.size * 0.1
        poster = None if tail and draw.chance(16) else picture("p", movie.movie_id)
        backdrop = None if tail and draw.chance(38) else picture("b", movie.movie_id)
        return poster, backdrop

    def card(self, movie: Outline, language: str, today: date, count: int) -> Json:
        """The short form that lists hold."""
        title, overview, _ = self.texts(movie, language, edits_of(movie.index, count))
        poster, backdrop = self.pictures(movie)
        average, votes = self.votes(movie, today)
        return {
            "adult": movie.adult,
            "backdrop_path": backdrop,
            "genre_ids": movie.genre_ids,
            "id": movie.movie_id,
            "title": title,
            "original_language": movie.language,
            "original_title": self._stories.original_title(movie),
            "overview": overview,
            "popularity": movie.popularity,
            "poster_path": poster,
            "release_date": movie.release_date.isoformat() if movie.release_date else "",
            "softcore": False,
            "video": self.is_video(movie),
            "vote_average": average,
            "vote_count": votes,
        }

    def is_video(self, movie: Outline) -> bool:
        """Whether TMDb would call it a mere video."""
        tail = movie.rank > self._catalogue.size * 0.3
        return tail and mix(self._seed, VIDEO, movie.index) % 100 == 0

    def movie(self, movie: Outline, language: str, today: date, edits: Edits) -> Json:
        """The full answer of /3/movie/{id}, without appended parts."""
        title, overview, tagline = self.texts(movie, language, edits)
        poster, backdrop = self.pictures(movie)
        average, votes = self.votes(movie, today)
        budget, revenue = self.money(movie, today)
        return {
            "adult": movie.adult,
            "backdrop_path": backdrop,
            "belongs_to_collection": self._collection(movie),
            "budget": budget + 50_000 * edits.budget,
            "genres": self.genres(movie, language),
            "homepage": self._homepage(movie),
            "id": movie.movie_id,
            "imdb_id": self.imdb_id(movie),
            "origin_country": [movie.country],
            "original_language": movie.language,
            "original_title": self._stories.original_title(movie),
            "overview": overview,
            "popularity": movie.popularity,
            "poster_path": poster,
            "production_companies": self._companies(movie),
            "production_countries": [
                {"iso_3166_1": movie.country, "name": COUNTRIES[movie.country]}
            ],
            "release_date": movie.release_date.isoformat() if movie.release_date else "",
            "revenue": revenue,
            "runtime": movie.runtime + edits.runtime,
            "softcore": False,
            "spoken_languages": self._spoken(movie),
            "status": self._status(movie, today),
            "tagline": tagline,
            "title": title,
            "video": self.is_video(movie),
            "vote_average": average,
            "vote_count": votes,
        }

    def _status(self, movie: Outline, today: date) -> str:
        if movie.release_date is None:
            return "Rumored" if movie.index % 3 else "Planned"
        if movie.release_date <= today:
            return "Released"
        soon = (movie.release_date - today).days < 120
        return "Post Production" if soon else "In Production"

    def money(self, movie: Outline, today: date) -> tuple[int, int]:
        """Budget and revenue; 0 where TMDb would not know."""
        draw = Draw(self._seed, MONEY, movie.index)
        part = movie.rank / self._catalogue.size
        known = part < 0.02 or draw.chance(55 if part < 0.1 else 8)
        budget = int(4e5 * 2 ** (draw.unit() * 9) * (1.2 - part) / 1000) * 1000 if known else 0
        fared = 0.2 + draw.unit() ** 2 * 6 * movie.quality / 6
        released = movie.release_date is not None and movie.release_date <= today
        return budget, int(budget * fared) if released else 0

    def imdb_id(self, movie: Outline) -> str | None:
        """An invented IMDb id, or None as for a part of the tail."""
        tail = movie.rank > self._catalogue.size * 0.2
        if tail and mix(self._seed, NO_IMDB, movie.index) % 100 < 18:
            return None
        return f"tt9{movie.index:07d}"

    def _homepage(self, movie: Outline) -> str:
        shown = mix(self._seed, HOMEPAGE, movie.index) % 100 < 25
        return f"https://movies.example/{movie.movie_id}" if shown else ""

    def _collection(self, movie: Outline) -> Json | None:
        collection = self._catalogue.collection_of(movie.place)
        return self.collection(collection[0]) if collection else None

    def collection(self, collection_id: int) -> Json:
        """The short form of a collection that exists."""
        return {
            "id": collection_id,
            "name": self._stories.collection_name(collection_id - FIRST_ID),
            "poster_path": picture("c", collection_id),
            "backdrop_path": picture("d", collection_id),
        }

    def collection_ids(self) -> range:
        """Every id that may be a collection's."""
        return range(FIRST_ID, FIRST_ID + self._catalogue.size // COLLECTION_BLOCK + 1)

    def _companies(self, movie: Outline) -> list[Json]:
        names = vocabulary().words["companies"]
        draw = Draw(self._seed, MAKERS, movie.index)
        numbers = dict.fromkeys(draw.below(len(names)) for _ in range(draw.below(4)))
        return [
            {
                "id": FIRST_ID + number,
                "logo_path": picture("l", FIRST_ID + number) if number % 3 else None,
                "name": names[number],
                "origin_country": movie.country if number % 4 else "",
            }
            for number in numbers
        ]

    def _spoken(self, movie: Outline) -> list[Json]:
        both = [movie.language, "en"] if movie.index % 5 == 0 else [movie.language]
        return [
            {
                "english_name": LANGUAGES[tongue][2],
                "iso_639_1": tongue,
                "name": LANGUAGES[tongue][1],
            }
            for tongue in dict.fromkeys(both)
        ]
