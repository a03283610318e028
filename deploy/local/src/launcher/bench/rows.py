"""What a measurement says: a figure, its ratio, its goal, and whether that is met."""

from dataclasses import asdict, dataclass
from typing import Any

_WIDTHS = (58, 26, 10, 34)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a benchmark. A row without a goal only informs."""

    part: str
    what: str
    figure: str
    ratio: str = ""
    goal: str = ""
    met: bool | None = None

    @property
    def verdict(self) -> str:
        """`met`, `missed`, or nothing where there is no goal."""
        return {None: "", True: "met", False: "missed"}[self.met]

    def as_json(self) -> dict[str, Any]:
        """For --json."""
        return {**asdict(self), "verdict": self.verdict}

    def as_line(self) -> str:
        """For people."""
        cells = (self.what, self.figure, self.ratio, self.goal)
        padded = (f"{cell:<{width}}" for cell, width in zip(cells, _WIDTHS, strict=True))
        return f"{' '.join(padded)} {self.verdict}".rstrip()


HEADER = Row("", "what", "figure", "ratio", "goal").as_line()


def at_most(part: str, what: str, value: float, most: float, unit: str, *, ratio: str = "") -> Row:
    """A figure that should not be larger than its goal."""
    figure, goal = f"{value:.3g} {unit}".strip(), f"at most {most:g} {unit}".strip()
    return Row(part, what, figure, ratio, goal, met=value <= most)


def at_least(
    part: str, what: str, value: float, least: float, unit: str, *, ratio: str = ""
) -> Row:
    """A figure that should not be smaller than its goal."""
    figure, goal = f"{value:.4g} {unit}".strip(), f"at least {least:g} {unit}".strip()
    return Row(part, what, figure, ratio, goal, met=value >= least)
