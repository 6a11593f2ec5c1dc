"""Python text and the places of AST nodes in it."""

from __future__ import annotations

import ast
from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """Characters ``start`` to ``end`` become ``new``."""

    start: int
    end: int
    new: str


Offsets = tuple[str, list[int]]


def offsets(text: str) -> Offsets:
    """Return ``text`` with the offset at which each of its lines begins."""
    starts, at = [0], 0
    for line in text.split("\n"):
        at += len(line) + 1
        starts.append(at)
    return text, starts


def span(node: ast.AST, where: Offsets) -> tuple[int, int]:
    """Return where ``node`` begins and ends in the text, in characters."""
    text, starts = where

    def at(line: int, column: int) -> int:
        start = starts[line - 1]
        part = text[start : starts[line] - 1]
        if part.isascii():
            return start + column
        return start + len(part.encode()[:column].decode(errors="ignore"))

    return (
        at(node.lineno, node.col_offset),  # type: ignore[attr-defined]
        at(node.end_lineno, node.end_col_offset),  # type: ignore[attr-defined]
    )


def apply_edits(text: str, edits: list[Edit]) -> str:
    """Return ``text`` changed; of edits inside one another the outer one counts."""
    last = len(text) + 1
    outer = [
        edit
        for edit in set(edits)
        if not any(
            other != edit and other.start <= edit.start and edit.end <= other.end for other in edits
        )
    ]
    for edit in sorted(outer, key=lambda edit: (-edit.start, -edit.end)):
        if edit.end <= last:
            text = text[: edit.start] + edit.new + text[edit.end :]
            last = edit.start
    return text


def lines_inside_of_texts(text: str) -> set[int]:
    """Return the lines of code, from 1, that begin inside of a string of several lines."""
    inside: set[int] = set()
    if not any(mark in text for mark in ('"""', "'''", "\\\n")):
        return inside
    for node in ast.walk(ast.parse(text)):
        strings = isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
        )
        if strings and node.end_lineno != node.lineno:  # type: ignore[attr-defined]
            inside.update(range(node.lineno + 1, node.end_lineno + 1))  # type: ignore[attr-defined]
    return inside


def indent(text: str, by: str = "    ") -> str:
    """Return code indented, the lines inside of multi-line strings left as they are."""
    inside = lines_inside_of_texts(text)
    lines = text.split("\n")
    return "\n".join(
        line if number in inside or not line.strip() else by + line
        for number, line in enumerate(lines, 1)
    )
