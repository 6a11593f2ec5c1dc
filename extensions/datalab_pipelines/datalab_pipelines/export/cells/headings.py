"""The headings in a notebook's Markdown."""

from __future__ import annotations

import re

BOLD = 7  # the level of a line in bold type that stands alone: below all that Markdown has
LONGEST_BOLD = 60  # characters; more is a sentence that somebody stresses
ATX = re.compile(r" {0,3}(#{1,6})\s+(.+?)\s*#*\s*")
# Jupyter took these too, before CommonMark: ``#Data``, ``##data``, and no ``#hashtag``.
CLOSE = re.compile(r" {0,3}(#(?=[A-Z<*])|#{2,6}(?=[^\s#]))(.+?)\s*#*\s*")
HTML = re.compile(r"<h([1-6])\b[^>]*>(.+?)</h\1\s*>", re.IGNORECASE | re.DOTALL)
FENCE = re.compile(r"\s*(```|~~~)")
ALONE = re.compile(r"\s*(?:(?:<[^>]+>)\s*)*(\*\*|__)(?=\S)(.+?)(?<=\S)\1:?\s*(?:(?:</[^>]+>)\s*)*")
FORMULA = re.compile(r"(\$\$?)(?=\S)([^$]+)(?<=\S)\1(?!\d)")
SENTENCE = re.compile(r"[.!,;]\W*$")


def headings(source: str) -> list[tuple[int, str]]:
    """Return the headings in a markdown cell, with their levels, in their order.

    They are ``#``, underlined, HTML of one or more lines, or, at level ``BOLD``, a short line in
    bold type that is a paragraph of its own.
    """
    lines = _outside_of_fences(source)
    found: list[tuple[int, int, str]] = []  # line, level, title
    match: re.Match[str] | None
    text = "\n".join(lines)
    inside: set[int] = set()
    for tag in HTML.finditer(text):
        first = text.count("\n", 0, tag.start())
        inside.update(range(first, text.count("\n", 0, tag.end()) + 1))
        found.append((first, int(tag[1]), tag[2]))
    for number, line in enumerate(lines):
        if number in inside:
            continue
        above = lines[number - 1].strip() if number else ""
        below = lines[number + 1].strip() if number + 1 < len(lines) else ""
        if match := ATX.fullmatch(line) or CLOSE.fullmatch(line):
            found.append((number, len(match[1]), match[2]))
        elif line.strip() and len(below) > 2 and set(below) in ({"="}, {"-"}) and "|" not in line:
            found.append((number, 1 if below[0] == "=" else 2, line.strip()))
        elif not above and not below and (match := ALONE.fullmatch(line)) and _is_title(match[2]):
            found.append((number, BOLD, match[2]))
    found.sort(key=lambda one: one[0])
    return [(level, plain_text(title)) for _, level, title in found if plain_text(title)]


def _outside_of_fences(source: str) -> list[str]:
    """Return the lines of Markdown, those of code blocks empty."""
    lines: list[str] = []
    fenced = False
    for line in source.split("\n"):
        fence = FENCE.match(line)
        if fence:
            fenced = not fenced
        lines.append("" if fenced or fence else line)
    return lines


def _is_title(text: str) -> bool:
    plain = plain_text(text)
    return "**" not in text and len(plain) <= LONGEST_BOLD and not SENTENCE.search(plain)


def plain_text(markdown: str) -> str:
    """Return a line of Markdown without its marks, formulas by what they name."""
    text = (
        FORMULA.sub(_named, markdown) if re.search(r"\w", FORMULA.sub("", markdown)) else markdown
    )
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)|<[^>]+>", "", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"[*`#]+(?=\S)|(?<=\S)[*`#]+", "", text)
    text = re.sub(r"\s+", " ", re.sub(r"\b_+|_+\b", "", text))
    return re.sub(r"^[\s–—-]+(?=.*\w)|\s+$", "", text)  # "-- Examples", below the title


def _named(formula: re.Match[str]) -> str:
    r"""Return ``alpha`` for ``$\alpha$``, ``x_i`` for ``$x_i$``, nothing for what is longer."""
    text = formula[2].lstrip("\\")
    return text if re.fullmatch(r"\w+", text) else ""
