"""What append_to_response adds to a movie: releases, videos, translations, pictures, providers."""

from datetime import date, timedelta
from typing import Any

from tmdb_standin.catalogue import Catalogue, Outline
from tmdb_standin.details import Details
from tmdb_standin.drawing import Draw, mix
from tmdb_standin.posters import picture
from tmdb_standin.revisions import Edits
from tmdb_standin.text import LANGUAGES, Storyteller, keyword_id

Json = dict[str, Any]

RELEASES, VIDEOS, PROVIDERS, PICTURES, LEVEL, VIDEO_ID = range(61, 67)

CERTIFICATIONS = {
    "US": ("G", "PG", "PG-13", "R", "NC-17"),
    "GB": ("U", "PG", "12A", "15", "18"),
    "DE": ("0", "6", "12", "16", "18"),
    "FR": ("TP", "TP", "12", "16", "18"),
    "ES": ("A", "7", "12", "16", "18"),
    "IT": ("T", "6+", "10+", "14+", "18+"),
    "JP": ("G", "G", "PG12", "R15+", "R18+"),
    "BR": ("L", "10", "12", "16", "18"),
    "IN": ("U", "U/A 7+", "U/A 13+", "U/A 16+", "A"),
    "KR": ("ALL", "12", "15", "19", "Restricted Screening"),
}
GENTLE, HARSH = {16, 10751, 10402, 10770}, {27, 80, 53, 10752}
STREAMS = (
    (900000001, "Streamberry"), (900000002, "Cinewave"), (900000003, "Reelhouse"),
    (900000004, "Kinobox"), (900000005, "Matinee Plus"), (900000006, "Popcorn Vault"),
    (900000007, "Arthouse Now"), (900000008, "Lumen Free"),
)  # fmt: skip
OFFERS = tuple(
    {
        "logo_path": picture("l", provider_id),
        "provider_id": provider_id,
        "provider_name": name,
        "display_priority": number,
    }
    for number, (provider_id, name) in enumerate(STREAMS)
)
REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "BR", "JP", "IN", "KR", "MX", "CA")
KEYS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class Extras:
    """The appended parts of one catalogue's movies."""

    def __init__(self, catalogue: Catalogue, details: Details, storyteller: Storyteller) -> None:
        self._catalogue = catalogue
        self._seed = catalogue.seed
        self._details = details
        self._stories = storyteller

    def level(self, movie: Outline) -> int:
        """How grown-up a movie is: 0 (for all) to 4 (adults)."""
        if movie.adult:
            return 4
        first = movie.genre_ids[0] if movie.genre_ids else 18
        turn = mix(self._seed, LEVEL, movie.index) % 100
        return turn // 60 if first in GENTLE else (2 if first in HARSH else 1) + turn // 48

    def keywords(self, movie: Outline, edits: Edits) -> list[Json]:
        """Keywords with ids; an edited overview brings another."""
        names = self._stories.keywords(movie)
        if edits.overview:
            names = list(dict.fromkeys([*names, "aftercreditsstinger"]))
        return [{"id": keyword_id(name), "name": name} for name in names]

    def release_dates(self, movie: Outline) -> list[Json]:
        """Releases and certifications by country."""
        if movie.release_date is None:
            return []
        draw = Draw(self._seed, RELEASES, movie.index)
        popular = movie.rank < self._catalogue.size * 0.2
        level, results = self.level(movie), list[Json]()
        for country, names in CERTIFICATIONS.items():
            if country == movie.country or draw.chance(70 if popular else 9):
                late = 0 if country == movie.country else draw.below(90)
                named = draw.chance(70)
                results.append(_release(movie.release_date, late, country, names[level] * named))
        return results

    def videos(self, movie: Outline) -> list[Json]:
        """Trailers and the like, in English."""
        draw = Draw(self._seed, VIDEOS, movie.index)
        popular = movie.rank < self._catalogue.size * 0.1
        count = draw.between(1, 4) if popular else int(draw.chance(25))
        day = movie.release_date or self._catalogue.epoch
        kinds = ("Trailer", "Teaser", "Clip", "Featurette")
        return [
            {
                "iso_639_1": "en",
                "iso_3166_1": "US",
                "name": f"Official {kinds[at]}",
                "key": "".join(draw.pick(KEYS) for _ in range(11)),
                "site": "YouTube",
                "size": draw.pick((360, 720, 1080, 2160)),
                "type": kinds[at],
                "official": draw.chance(80),
                "id": f"{mix(self._seed, VIDEO_ID, movie.index, at):016x}{at:08x}",
                "published_at": f"{day - timedelta(days=60 - at)}T15:00:00.000Z",
            }
            for at in range(count)
        ]

    def translations(self, movie: Outline, edits: Edits) -> list[Json]:
        """Every language the movie is told in; its own title is '' as at TMDb."""
        results = list[Json]()
        for tongue in self._details.told_in(movie):
            country, name, english_name = LANGUAGES[tongue]
            title, overview, tagline = self._details.translation(movie, tongue, edits)
            results.append(
                {
                    "iso_3166_1": country,
                    "iso_639_1": tongue,
                    "name": name,
                    "english_name": english_name,
                    "data": {
                        "homepage": "",
                        "overview": overview,
                        "runtime": movie.runtime if tongue == "en" else 0,
                        "tagline": tagline,
                        "title": "" if tongue == movie.language else title,
                    },
                }
            )
        return results

    def external_ids(self, movie: Outline) -> Json:
        """Ids of the movie elsewhere."""
        known = movie.rank < self._catalogue.size * 0.3
        return {
            "imdb_id": self._details.imdb_id(movie),
            "wikidata_id": f"Q9{movie.movie_id}" if known else None,
            "facebook_id": None,
            "instagram_id": None,
            "twitter_id": None,
        }

    def providers(self, movie: Outline) -> dict[str, Json]:
        """Where to watch, by region."""
        draw = Draw(self._seed, PROVIDERS, movie.index)
        chance = 80 if movie.rank < self._catalogue.size * 0.2 else 12
        results = dict[str, Json]()
        for region in REGIONS:
            if draw.chance(chance):
                link = f"https://movies.example/{movie.movie_id}/watch?locale={region}"
                kinds = [kind for kind in ("flatrate", "rent", "buy") if draw.chance(55)]
                results[region] = {"link": link} | {kind: [draw.pick(OFFERS)] for kind in kinds}
        return results

    def images(self, movie: Outline, languages: set[str] | None) -> Json:
        """Pictures in the asked languages (None is all; 'null' is those without any)."""
        poster, backdrop = self._details.pictures(movie)
        draw = Draw(self._seed, PICTURES, movie.index)
        backdrops = [_image(picture("b", movie.movie_id, n), 1920, 1080, None)
                     for n in range(1 + draw.below(3))] if backdrop else []  # fmt: skip
        tongues = ("en", None, movie.language)
        posters = [_image(picture("p", movie.movie_id, n), 1000, 1500, tongues[n])
                   for n in range(1 + draw.below(3))] if poster else []  # fmt: skip
        wanted = [
            [i for i in images if languages is None or (i["iso_639_1"] or "null") in languages]
            for images in (backdrops, posters)
        ]
        return {"backdrops": wanted[0], "logos": [], "posters": wanted[1]}

    def alternative_titles(self, movie: Outline) -> list[Json]:
        """Titles elsewhere."""
        return [
            {"iso_3166_1": LANGUAGES[t][0], "title": self._stories.title(movie, t), "type": ""}
            for t in self._details.told_in(movie)
            if t != movie.language
        ]


def _release(day: date, late: int, country: str, certification: str) -> Json:
    release = {
        "certification": certification,
        "descriptors": [],
        "iso_639_1": "",
        "note": "",
        "release_date": f"{day + timedelta(days=late)}T00:00:00.000Z",
        "type": 3,
    }
    return {"iso_3166_1": country, "release_dates": [release]}


def _image(path: str, width: int, height: int, language: str | None) -> Json:
    return {
        "aspect_ratio": round(width / height, 3),
        "height": height,
        "iso_3166_1": None,
        "iso_639_1": language,
        "file_path": path,
        "vote_average": 5.0,
        "vote_count": 1,
        "width": width,
    }
