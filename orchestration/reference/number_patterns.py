"""Number plans as automata: a plan's regular expressions, walked digit by digit.

``phonenumbers`` describes each kind of number of each country by a regular expression. A finite automaton of the same language
answers what an expression cannot: what can a number still become after these digits? Equal futures are one and the same ``State``
object here, so "do all ten digits lead to the same?" is a comparison of identities, and the whole world takes seconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, reduce

DIGITS = "0123456789"
LONGEST = 17
"""No national number of ``phonenumbers`` is longer (phonenumberutil._MAX_LENGTH_FOR_NSN)."""

TOKEN = re.compile(r"\(\?:|[()|]|\?|\\d|\[[-\d]+\]|\{\d+(?:,\d+)?\}|\d")
"""All that number plans use of the language of regular expressions."""


@dataclass(frozen=True, eq=False)
class State:
    """What a number is when it ends here (``None``: no number), and what each next digit leads to (``None``: to no number)."""

    value: Hashable | None
    children: tuple[State | None, ...]


@cache
def state(value: Hashable | None, children: tuple[State | None, ...]) -> State | None:
    """The one state with this future; ``None`` where no number can follow."""
    return None if value is None and not any(children) else State(value, children)


@cache
def only_length_counts(at: State | None) -> bool:
    """Whether all that follows is any digits: how many of them is all that decides."""
    return at is None or (len(set(at.children)) == 1 and only_length_counts(at.children[0]))


Choose = Callable[[Sequence[Hashable | None]], Hashable | None]


def combine(states: Sequence[State | None], choose: Choose) -> State | None:
    """Walk several automata in step; ``choose`` makes one value of theirs, and none of none."""

    @cache
    def walk(*now: State | None) -> State | None:
        if not any(now):
            return None
        value = choose([s.value if s else None for s in now])
        return state(value, tuple(walk(*(s.children[digit] if s else None for s in now)) for digit in range(10)))

    return walk(*states)


def any_of(values: Iterable[Hashable | None]) -> bool | None:
    return True if any(values) else None


def all_of(values: Iterable[Hashable | None]) -> bool | None:
    return True if all(values) else None


END = state(True, (None,) * 10)


def digits(allowed: Iterable[int], tail: State | None) -> State | None:
    """One digit of ``allowed``, then ``tail``."""
    return state(None, tuple(tail if digit in allowed else None for digit in range(10)))


def any_digits(lengths: Iterable[int]) -> State | None:
    """Every number of one of these lengths."""
    wanted = frozenset(lengths)

    def of_length(done: int) -> State | None:
        if done > max(wanted):
            return None
        return state(True if done in wanted else None, (of_length(done + 1),) * 10)

    return of_length(0)


def language(pattern: str, tail: State | None = END) -> State | None:
    """The automaton of a number plan's expression, followed by ``tail``. Raises ValueError for what number plans do not use."""
    tokens = TOKEN.findall(pattern)
    if "".join(tokens) != pattern:
        raise ValueError(f"number pattern {pattern!r} uses more of regular expressions than number plans did so far")
    build, rest = _alternatives(tokens)
    if rest:
        raise ValueError(f"number pattern {pattern!r} closes a group that it did not open")
    return build(tail)


Build = Callable[[State | None], State | None]
"""A part of an expression, waiting for what follows it."""


def _alternatives(tokens: list[str]) -> tuple[Build, list[str]]:
    branches, rest = [], ["|", *tokens]
    while rest and rest[0] == "|":
        branch, rest = _sequence(rest[1:])
        branches.append(branch)
    return lambda tail: combine([branch(tail) for branch in branches], any_of), rest


def _sequence(tokens: list[str]) -> tuple[Build, list[str]]:
    parts: list[Build] = []
    while tokens and tokens[0] not in "|)":
        part, tokens = _atom(tokens)
        if tokens and tokens[0][0] in "{?":
            part, tokens = _repeated(part, tokens[0]), tokens[1:]
        parts.append(part)
    return lambda tail: reduce(lambda following, part: part(following), reversed(parts), tail), tokens


def _atom(tokens: list[str]) -> tuple[Build, list[str]]:
    token, rest = tokens[0], tokens[1:]
    if token in ("(", "(?:"):
        inner, rest = _alternatives(rest)
        return inner, rest[1:]
    allowed = frozenset(digit for digit in range(10) if re.fullmatch(token, str(digit)))
    return lambda tail: digits(allowed, tail), rest


def _repeated(part: Build, count: str) -> Build:
    least, _, most = ("0,1" if count == "?" else count[1:-1]).partition(",")
    optional = int(most or least) - int(least)

    def build(tail: State | None) -> State | None:
        built = tail
        for _ in range(optional):
            built = combine([part(built), tail], any_of)
        for _ in range(int(least)):
            built = part(built)
        return built

    return build
