"""Lines that a formatter leaves too long: comments, and texts.

Every change is checked: the module's syntax tree stays what it was, or the change is not made.
"""

from __future__ import annotations

import ast
import io
import re
import textwrap
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

STRING = re.compile(r"(?P<prefix>[A-Za-z]{0,2})(?P<quote>['\"])(?P<body>.*)(?P=quote)", re.DOTALL)
DIRECTIVE = re.compile(r"#\s*(noqa|type:|isort:|fmt:|ruff:|pragma:|!)")
SHORTEST = 20  # characters of a line that a text is worth being cut for


@dataclass(frozen=True)
class Token:
    """A comment or text on one line: ``deep`` says whether it stands in brackets."""

    comment: bool
    line: int
    start: int
    end: int
    deep: bool


def wrapped(text: str, width: int) -> str:
    """Return Python code with the long lines made shorter that comments and texts make long.

    The result is to be formatted again.
    """
    for number in range(len(text.splitlines()), 0, -1):
        if len(text.splitlines()[number - 1]) > width:
            text = _line(text, number, width)
    return text


def _line(text: str, number: int, width: int) -> str:
    tree = ast.dump(ast.parse(text))
    for one in _tokens(text, number):
        changed = _comment(text, one, width) if one.comment else _string(text, one, width)
        if changed != text and _parsed(changed) == tree:
            return changed
    return text


def _parsed(text: str) -> str:
    try:
        return ast.dump(ast.parse(text))
    except SyntaxError:
        return ""


def _tokens(text: str, number: int) -> Iterator[Token]:
    """Return the comments and texts of a line, the last first."""
    found: list[Token] = []
    depth = 0
    begun: tuple[int, int] | None = None  # where an f-string began: from 3.12 on it is many tokens
    for one in tokenize.generate_tokens(io.StringIO(text).readline):
        name = tokenize.tok_name[one.type]
        if name == "OP":
            depth += (one.string in "([{") - (one.string in ")]}")
        (line, start), (last, end) = one.start, one.end
        if name == "FSTRING_START":
            begun = begun or one.start
        elif name == "FSTRING_END" and begun:
            (line, start), begun = begun, None
            name = "STRING"
        if name in ("COMMENT", "STRING") and not begun and line == last == number:
            found.append(Token(name == "COMMENT", line, start, end, depth > 0))
    return reversed(found)


def _comment(text: str, one: Token, width: int) -> str:
    """Return the text with a comment on several lines, above what it stands behind."""
    lines = text.split("\n")
    line = lines[one.line - 1]
    said, before = line[one.start :], line[: one.start].rstrip()
    if DIRECTIVE.match(said):
        return text
    indent = re.match(r"\s*", line)[0]  # type: ignore[index]
    mark = re.match(r"#+:?\s*", said)[0]  # type: ignore[index]
    parts = textwrap.wrap(
        said[len(mark) :], width - len(indent) - 2, break_on_hyphens=False, break_long_words=False
    )
    new = [f"{indent}# {part}" for part in parts]
    lines[one.line - 1 : one.line] = [*new, before] if before else new
    return "\n".join(lines)


def _string(text: str, one: Token, width: int) -> str:
    """Return the text with a string as several, one below the other."""
    lines = text.split("\n")
    line = lines[one.line - 1]
    match = STRING.fullmatch(line[one.start : one.end])
    if not match or match["body"].startswith(match["quote"]):
        return text
    indent = re.match(r"\s*", line)[0]  # type: ignore[index]
    room = width - len(indent) - 8 - len(match["prefix"]) - 2
    pieces = _pieces(match["body"], max(room, SHORTEST), "f" in match["prefix"].lower())
    if len(pieces) < 2:
        return text
    made = "".join(
        f"\n{indent}    {match['prefix']}{match['quote']}{piece}{match['quote']}"
        for piece in pieces
    )
    if not one.deep:
        made = f"({made}\n{indent})"
    lines[one.line - 1] = line[: one.start] + made + line[one.end :]
    return "\n".join(lines)


def _pieces(body: str, room: int, formatted: bool) -> list[str]:
    """Return a text cut behind spaces, not in what an f-string fills in."""
    places, depth = [0], 0
    for at, letter in enumerate(body):
        if formatted:
            depth += (letter == "{") - (letter == "}")
        if letter == " " and not depth and body[at - 1 : at] != "\\":
            places.append(at + 1)
    found, begin = [], 0
    for place, after in zip(places, [*places[1:], len(body)], strict=True):
        if after - begin > room and place > begin:
            found.append(body[begin:place])
            begin = place
    return [*found, body[begin:]] if body[begin:] else found
