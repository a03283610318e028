"""Line charts as SVG, without a plotting library."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import log
from typing import NamedTuple

_WIDTH, _HEIGHT, _MARGIN = 640, 400, 60
_COLOURS = ("#c0392b", "#7f8c8d", "#27ae60", "#2980b9", "#8e44ad", "#d68910")
_TICKS = 5


class Line(NamedTuple):
    """A named line through points."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class _Frame:
    """Where values stand on the picture."""

    left: float
    right: float
    low: float
    high: float
    logarithmic: bool

    def x(self, value: float) -> float:
        place, extent = value - self.left, self.right - self.left
        if self.logarithmic:
            place, extent = log(value / self.left), log(self.right / self.left)
        return _MARGIN + (_WIDTH - 2 * _MARGIN) * place / (extent or 1.0)

    def y(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * share


def line_chart(title: str, axis: str, lines: Sequence[Line], *, logarithmic: bool = False) -> str:
    """An SVG document; the vertical axis begins at zero unless all is far from it."""
    across = sorted({x for line in lines for x, _ in line.points})
    up = [y for line in lines for _, y in line.points]
    low = 0.0 if min(up) < max(up) / 2 else min(up)
    frame = _Frame(across[0], across[-1], low, max(up), logarithmic)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        _text(_WIDTH / 2, 24, title, "middle"),
        _text(_WIDTH / 2, _HEIGHT - 16, axis, "middle"),
        *_ticks(frame, across),
        *_drawn(frame, lines),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _ticks(frame: _Frame, across: Sequence[float]) -> Iterator[str]:
    for tick in range(_TICKS + 1):
        value = frame.low + (frame.high - frame.low) * tick / _TICKS
        y = frame.y(value)
        yield f'<path d="M{_MARGIN} {y:.1f}H{_WIDTH - _MARGIN}" stroke="#eee"/>'
        yield _text(_MARGIN - 6, y + 4, f"{value:.3f}", "end")
    for x in across:
        yield _text(frame.x(x), _HEIGHT - _MARGIN + 18, f"{x:.3g}", "middle")


def _drawn(frame: _Frame, lines: Sequence[Line]) -> Iterator[str]:
    for number, line in enumerate(lines):
        colour = _COLOURS[number % len(_COLOURS)]
        path = " L".join(f"{frame.x(x):.1f} {frame.y(y):.1f}" for x, y in line.points)
        yield f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield _text(_WIDTH - _MARGIN - 4, 60 + 16 * number, line.name, "end", colour)


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#333") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"'
    return f"<text {place}>{escape(text)}</text>"
