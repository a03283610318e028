"""The language somebody wants to read in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """A wanted language, with a region when one was named: `pt-BR` is pt and BR."""

    code: str
    region: str

    @property
    def is_english(self) -> bool:
        """English is what the movie's own row is written in."""
        return self.code in {"", "en"}


def wanted_language(tag: str) -> Language:
    """The language a tag asks for; what cannot be a language asks for English."""
    code, _, region = tag.strip().replace("_", "-").partition("-")
    code, region = code.lower(), region.upper()
    if not (code.isascii() and code.isalpha() and len(code) in {2, 3}):
        return Language("en", "")
    return Language(code, region if len(region) == 2 and region.isascii() else "")
