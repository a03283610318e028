"""What movies are called and what is said about them, in every language they are told in."""

from dataclasses import dataclass
from functools import lru_cache

from tmdb_standin.catalogue import Catalogue, Outline
from tmdb_standin.drawing import Draw
from tmdb_standin.vocabulary import vocabulary

RECENT = 64
"""Of how many movies it is remembered what they tell of: one answer asks several times."""
TITLE, OVERVIEW, TRANSLATION = 31, 32, 33
_TAGLINE, _KEYWORDS = 1, 2

AND = {
    "de": " und ", "fr": " et ", "es": " y ", "it": " e ", "pt": " e ",
    "ja": "と", "ko": " 그리고 ", "hi": " और ", "zh": "与",
}  # fmt: skip
LANGUAGES = {
    "en": ("US", "English", "English"),
    "de": ("DE", "Deutsch", "German"),
    "fr": ("FR", "Français", "French"),
    "es": ("ES", "Español", "Spanish"),
    "it": ("IT", "Italiano", "Italian"),
    "pt": ("BR", "Português", "Portuguese"),
    "ja": ("JP", "日本語", "Japanese"),
    "ko": ("KR", "한국어/조선말", "Korean"),
    "hi": ("IN", "हिन्दी", "Hindi"),
    "zh": ("CN", "普通话", "Mandarin"),
}
TITLES = (
    "The {adjective} {a}", "The {adjective} {a}", "{adjective} {a}", "{a} of {place}",
    "The {a} and the {b}", "{given}'s {a}", "{adjective} {a}, {adjective2} {b}", "The {a} {b}",
    "{place} {a}", "A {b} for {given} {family}", "{given} {family}", "{a} at the {adjective} {b}",
)  # fmt: skip
OPENINGS = (
    "{Hero} must {goal}, but {obstacle} stands in the way.",
    "In {setting}, {hero} sets out to {goal}.",
    "When {obstacle} changes everything, {hero} has one chance to {goal}.",
    "{Hero} never meant to {goal}. Then came {obstacle}.",
    "{Name}, {hero}, is asked to {goal}.",
)
MIDDLES = (
    "Between {setting} and {setting2}, old loyalties are tested.",
    "Soon {hero2} joins in, and {obstacle2} makes a bad plan worse.",
    "What begins as a matter of {keyword} becomes a question of {keyword2}.",
    "Nobody in {setting} is prepared for {obstacle2}.",
    "With the help of {hero2}, {name} learns what {keyword} really costs.",
)
ENDINGS = (
    "A story of {keyword} and {keyword2}.",
    "By the time the truth comes out, there is no way back to {setting}.",
    "Only one of them will leave {setting}.",
    "In the end it is {keyword} that decides.",
    "Set in and around {place}.",
)
TAGLINES = (
    "Every {a} has its {b}.", "No {a} lasts forever.", "Fear the {a}.", "Follow the {a}.",
    "Beyond the {a}, the {b}.", "One {a}. No way out.", "Some {a}s are better left alone.",
    "The {a} remembers.", "It begins with a {a}.",
)  # fmt: skip
NUMERALS = ("", " II", " III", " IV", ": The Last Chapter")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a movie's titles and summaries speak of, in every language."""

    first: dict[str, str]
    second: dict[str, str]
    english: str
    form: int
    scene: str
    numeral: str


class Storyteller:
    """Titles and texts of one catalogue's movies."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._seed = catalogue.seed
        self._subject = lru_cache(maxsize=RECENT)(self._find_subject)
        self._hero = lru_cache(maxsize=RECENT)(self._draw_hero)

    def collection_name(self, block: int) -> str:
        """What a collection is called."""
        first = self._catalogue.collection_places(block)[0]
        return f"{self._subject(first).english} Collection"

    def title(self, movie: Outline, language: str) -> str:
        """A movie's title in a language."""
        subject = self._subject(movie.place)
        if language == "en":
            return subject.english + subject.numeral
        first, second = subject.first[language], subject.second[language]
        if subject.form < 3:
            joined = second if language == "de" else second.lower()
            return first + AND[language] + joined + subject.numeral
        if subject.form == 3:
            return f"{first} - {subject.scene}{subject.numeral}"
        return first + subject.numeral

    def original_title(self, movie: Outline) -> str:
        """A movie's title in its own language."""
        return self.title(movie, movie.language)

    def _find_subject(self, place: int) -> Subject:
        """A movie of a collection carries the title of the first, with a numeral."""
        collection = self._catalogue.collection_of(place)
        parts = collection[1] if collection else [place]
        first, second, draw = self._concepts(parts[0])
        told, words = draw.copy(), vocabulary().words
        return Subject(
            first=first,
            second=second,
            english=_english(first["en"], second["en"], draw),
            form=told.below(5),
            scene=told.pick(words["places"]),
            numeral=NUMERALS[parts.index(place)],
        )

    def _concepts(self, place: int) -> tuple[dict[str, str], dict[str, str], Draw]:
        """Two concepts, and the draw that goes on from there."""
        draw = Draw(self._seed, TITLE, place)
        concepts = vocabulary().concepts
        first = draw.below(len(concepts))
        second = (first + 1 + draw.below(len(concepts) - 1)) % len(concepts)
        return concepts[first], concepts[second], draw

    def overview(self, movie: Outline) -> str:
        """A movie's English overview, drawn from its themes."""
        draw = Draw(self._seed, OVERVIEW, movie.index)
        told = self._told(movie, draw)
        sentences = [draw.pick(OPENINGS), draw.pick(MIDDLES)]
        if draw.chance(60):
            sentences.append(draw.pick(ENDINGS))
        return " ".join(sentences).format_map(told)

    def _told(self, movie: Outline, draw: Draw) -> dict[str, str]:
        theme, words = movie.cell.theme, vocabulary().words
        other = movie.second_theme or theme
        hero, name = draw.pick(theme.heroes), draw.pick(words["given"])
        first = draw.below(len(theme.keywords))
        return {
            "hero": hero,
            "Hero": hero[0].upper() + hero[1:],
            "hero2": draw.pick(other.heroes),
            "goal": draw.pick(theme.goals),
            "obstacle": draw.pick(theme.obstacles),
            "obstacle2": draw.pick(other.obstacles),
            "setting": draw.pick(theme.settings),
            "setting2": draw.pick(other.settings),
            "keyword": theme.keywords[first],
            "keyword2": draw.pick(other.keywords),
            "name": name,
            "Name": name,
            "place": draw.pick(words["places"]),
        }

    def summary(self, movie: Outline, language: str) -> str:
        """A movie's overview in a language other than English."""
        subject = self._subject(movie.place)
        hero, place = self._hero(movie)
        first, second = subject.first[language], subject.second[language]
        summary = vocabulary().summaries[language]
        return summary.format(hero=hero, a=first, b=second, place=place)

    def _draw_hero(self, movie: Outline) -> tuple[str, str]:
        """Whose story a summary tells, and where."""
        draw = Draw(self._seed, TRANSLATION, movie.index)
        words = vocabulary().words
        name = f"{draw.pick(words['given'])} {draw.pick(words['family'])}"
        return name, draw.pick(words["places"])

    def tagline(self, movie: Outline, edits: int) -> str:
        """A movie's English tagline; each edit of it gives another."""
        first, second, _ = self._concepts(movie.place)
        draw = Draw(self._seed, OVERVIEW, movie.index, _TAGLINE)
        at = draw.below(len(TAGLINES)) + edits
        return TAGLINES[at % len(TAGLINES)].format(a=first["en"].lower(), b=second["en"].lower())

    def keywords(self, movie: Outline) -> list[str]:
        """A movie's keywords: its themes' and a mood or two."""
        draw = Draw(self._seed, OVERVIEW, movie.index, _KEYWORDS)
        if movie.rank > self._catalogue.size * 0.3 and draw.chance(15):
            return []
        names = [word for word in movie.cell.theme.keywords if draw.chance(60)]
        if movie.second_theme is not None:
            names += [word for word in movie.second_theme.keywords if draw.chance(30)]
        names += [draw.pick(vocabulary().words["moods"]) for _ in range(draw.below(3))]
        return list(dict.fromkeys(names))


def _english(a: str, b: str, draw: Draw) -> str:
    words = vocabulary().words
    return draw.pick(TITLES).format(
        a=a,
        b=b,
        adjective=draw.pick(words["adjectives"]),
        adjective2=draw.pick(words["adjectives"]),
        place=draw.pick(words["places"]),
        given=draw.pick(words["given"]),
        family=draw.pick(words["family"]),
    )


def keyword_id(name: str) -> int:
    """The id of a keyword."""
    return vocabulary().keyword_ids[name]
