"""A notebook's Markdown as docstrings."""

from __future__ import annotations

import html
import re
import textwrap

from ..model import StagePlan

LISTED = re.compile(r"([-*+]|\d+[.)])\s")
# The notebook is in the project: a long address is looked up there.
LONG_LINK = re.compile(r"\[([^\]]+)\]\(\S{60,}\)")
QUOTED = re.compile(r"^(>\s*)+(?=[^\s>])")
BREAK = re.compile(r"</?(?:br|center|div|h[1-6]|hr|p)\b[^<>]*>", re.IGNORECASE)
TAG = re.compile(
    r"</?(?:a|b|code|em|font|i|img|small|span|strong|sub|sup|u)\b[^<>]*>", re.IGNORECASE
)
MARKED = re.compile(r"([*`]{1,3})(\S(?:.*?\S)?)\1")
WITHIN = re.compile(r"(?:[-*+]\s+|\d+[.)]\s+)?\[+[^\]]*\]+\(#[^)]*\)\W*$")  # of a table of contents
LONGEST_WORD = 85
LONGEST = 2_000  # characters of prose in one docstring


def paragraphs(sources: list[str]) -> list[str]:
    """Return the paragraphs of Markdown cells, without headings, pictures and tables."""
    found: list[str] = []
    for source in sources:
        for block in re.split(r"\n\s*\n", source):
            lines = [QUOTED.sub("", one.strip()) for one in block.splitlines()]
            kept = [
                one
                for one in lines
                if one and not re.match(r"#|!\[|<|\$\$|---|\||```", one) and not WITHIN.match(one)
            ]
            items: list[str] = []
            for one in kept:
                if items and not LISTED.match(one):
                    items[-1] += f" {one}"
                else:
                    items.append(one)
            if items:
                found.append("\n".join(plain(one) for one in items))
    return found


def plain(text: str) -> str:
    """Return Markdown without emphasis, and without what is longer than a line."""
    if BREAK.search(text) or TAG.search(text):
        text = re.sub(r"\s+", " ", TAG.sub("", BREAK.sub(" ", text))).strip()
    text = LONG_LINK.sub(r"\1", MARKED.sub(r"\2", html.unescape(text)))
    return re.sub(rf"\S{{{LONGEST_WORD + 1},}}", lambda m: f"{m[0][: LONGEST_WORD - 1]}…", text)


def docstring(prose: list[str], stage: StagePlan) -> str:
    """Return a stage's docstring: its title, and what the notebook says about it."""
    title = re.sub(r"\s+", " ", stage.doc or stage.title).strip().rstrip(".")
    first = textwrap.shorten(title, 80, placeholder="…")
    lines = [sentence(first)]
    room = LONGEST
    for one in prose:
        if len(one) > room:
            lines += ["", "(The notebook says more.)"]
            break
        room -= len(one)
        lines.append("")
        for item in one.split("\n"):
            deeper = "  " if LISTED.match(item) else ""
            lines += textwrap.wrap(
                sentence(item),
                88,
                subsequent_indent=deeper,
                break_on_hyphens=False,
                break_long_words=False,  # an address
            )
    text = "\n".join(lines).replace('"""', "'''")
    opened = 'r"""' if "\\" in text else '"""'
    text = re.sub(r'["\\]$', "", text)
    return f'{opened}{text}"""' if len(lines) == 1 else f'{opened}{text}\n"""'


def sentence(text: str) -> str:
    """Return text with a full stop, where it has no other end."""
    text = text.strip()
    if "://" in text.split(" ")[-1]:
        return text  # an address has no full stop
    return f"{text}." if text[-1:].isalnum() or text[-1:] in set(")]'\"") else text
