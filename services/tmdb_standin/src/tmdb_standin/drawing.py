"""Repeatable chance from integers: draws, and shuffles that can be read both ways."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

MASK = (1 << 64) - 1


def mix(*numbers: int) -> int:
    """64 well-mixed bits of a few integers.

    A tuple of integers hashes the same in every run and on every supported Python (a test pins
    it) at a tenth of the cost of mixing here; it only lacks a last avalanche.
    """
    state = hash(numbers) & MASK
    state = ((state ^ state >> 32) * 0xD6E8FEB86659FD93) & MASK
    state = ((state ^ state >> 32) * 0xD6E8FEB86659FD93) & MASK
    return state ^ state >> 32


def share(*numbers: int) -> float:
    """A fixed point of [0, 1) for these integers."""
    return (mix(*numbers) >> 11) / 9007199254740992.0


class Draw:
    """A stream of draws that starts from a few integers and is the same every time.

    The hot draws repeat the generator's step (Knuth's MMIX) instead of calling each other: a
    movie takes some two hundred of them.
    """

    __slots__ = ("_state",)

    def __init__(self, *numbers: int) -> None:
        self._state = mix(*numbers)

    def copy(self) -> "Draw":
        """Another that goes on from here."""
        twin = Draw.__new__(Draw)
        twin._state = self._state  # noqa: SLF001 - one of our own kind
        return twin

    def below(self, count: int) -> int:
        """A draw of 0 .. count - 1."""
        self._state = (self._state * 6364136223846793005 + 1442695040888963407) & MASK
        return ((self._state >> 33) * count) >> 31

    def between(self, low: int, high: int) -> int:
        """A draw of low .. high, both included."""
        return low + self.below(high - low + 1)

    def unit(self) -> float:
        """A draw of [0, 1)."""
        self._state = state = (self._state * 6364136223846793005 + 1442695040888963407) & MASK
        return (state >> 33) / 2147483648.0

    def chance(self, per_cent: float) -> bool:
        """True this often out of a hundred."""
        self._state = state = (self._state * 6364136223846793005 + 1442695040888963407) & MASK
        return (state >> 33) < per_cent * 21474836.48

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices, each as likely."""
        self._state = state = (self._state * 6364136223846793005 + 1442695040888963407) & MASK
        return choices[((state >> 33) * len(choices)) >> 31]

    def spread(self) -> float:
        """Roughly normal noise, mean 0 and deviation 1 (sum of four uniforms)."""
        total = self.unit() + self.unit() + self.unit() + self.unit()
        return (total - 2.0) * 1.7320508


class Shuffle:
    """A permutation of 0 .. size - 1, readable both ways without holding it.

    Rounds of odd multiplication and xor-shift over the next power of two, walked again
    while they land outside (cycle walking); each round can be undone.
    """

    def __init__(self, size: int, *seeds: int) -> None:
        self.size = size
        bits = max(2, (size - 1).bit_length())
        self._mask = (1 << bits) - 1
        self._shift = (bits + 1) // 2
        self._rounds = [
            (factor, pow(factor, -1, 1 << bits), mix(*seeds, turn, 2) & self._mask)
            for turn, factor in enumerate((mix(*seeds, t, 1) | 1) & self._mask for t in range(3))
        ]

    def place_of(self, value: int) -> int:
        """Where this value stands after shuffling."""
        while True:
            for factor, _, offset in self._rounds:
                value = (value * factor + offset) & self._mask
                value ^= value >> self._shift
            if value < self.size:
                return value

    def value_at(self, place: int) -> int:
        """Which value stands at this place."""
        while True:
            for _, inverse, offset in reversed(self._rounds):
                place ^= place >> self._shift
                place = ((place - offset) * inverse) & self._mask
            if place < self.size:
                return place
