"""A notebook's Markdown as docstrings."""

from __future__ import annotations

import html
import re
import textwrap

from ..cells.headings import plain_text
from ..model import StagePlan

OMITTED = "\1"  # in the place of what only a page can show
LISTED = re.compile(r"([-*+]|\d+[.)])\s")
# The notebook is in the project: a long address is looked up there.
LONG_LINK = re.compile(r"\[([^\]]+)\]\(\S{60,}\)")
QUOTED = re.compile(r"^[ \t]*(>[ \t]?)+", re.MULTILINE)
HEADING = re.compile(r"^ {0,3}#{1,6}(?!#).*$", re.MULTILINE)
SHOWN = re.compile(  # blocks of code, what is commented out
    r"^[ \t]*(```|~~~).*?^[ \t]*\1[^\n]*$|<!--.*?-->", re.MULTILINE | re.DOTALL
)
FORMULA = re.compile(
    r"^[ \t]*\$\$.*?\$\$[ \t.,;]*$|^[ \t]*\\begin\{(\w+\*?)\}.*?\\end\{\1\}[ \t.,;]*$",
    re.MULTILINE | re.DOTALL,
)
LONGEST_FORMULA = 170  # characters, two lines of a docstring
TABLE = re.compile(r"^[ \t]*\|?[ \t]*:?-+:?[ \t]*(\|[ \t]*:?-+:?[ \t]*)+\|?[ \t]*$", re.MULTILINE)
ON_PAGES = re.compile(r"!\[|</?(?!(b|i|em|strong|code|font|span|u|br)\b)|---|===|\|")
BREAK = re.compile(r"\s*(?:</?(?:br|p|center|div)\b[^<>]*>\s*)+", re.I)
TAG = re.compile(r"</?(b|i|u|em|strong|code|br|font|span|sub|sup|p|center|small)\b[^>]*>", re.I)
CODE = re.compile(r"(`{1,3})(?!`)(.+?)(?<!`)\1(?!`)")
KEPT = re.compile("\0(\\d+)\0")
EMPHASIS = (  # not in words: 5*x + 3*y, a**b, __init__
    re.compile(r"(?<![\w*\\])(\*{1,3})(?=[^\s*])(.*?[^\s*])\1(?![\w*])"),
    re.compile(r"(?<![\w\\])(_)([^\s_](?:[^_]*[^\s_])?)_(?!\w)"),
)
WITHIN = re.compile(r"(?:[-*+]\s+|\d+[.)]\s+)?\[+[^\]]*\]+\(#[^)]*\)\W*$")  # of a table of contents
LONGEST_WORD = 85
FEWEST_WORDS = 3  # of an announcement that says something without what it announces
MOST_NOTES = 40  # lines of comment above a cell
LONGEST = 2_000  # characters of prose in one docstring


def paragraphs(sources: list[str], headings: bool = False) -> list[str]:
    """Return the paragraphs of Markdown cells, list items on lines of their own.

    Without what only a page can show (pictures, tables, long formulas, blocks of code), and
    without headings unless they are asked for.
    """
    found: list[str] = []
    for source in sources:
        text = FORMULA.sub(_on_one_line, SHOWN.sub(_omitted, QUOTED.sub("", source)))
        for block in re.split(r"\n\s*\n", HEADING.sub(r"\n\n\g<0>\n\n", text)):
            items: list[str] = []
            table = TABLE.search(block)
            for line in block.splitlines():
                one = line.strip()
                if one.startswith((OMITTED, "![")) or (table and "|" in one):
                    _announce_nothing(items or found)
                    continue
                if not one or ON_PAGES.match(one) or WITHIN.match(one):
                    continue
                if one.startswith("#"):
                    items += [one.strip("# ")] if headings else []
                elif items and not LISTED.match(one):
                    items[-1] += f" {one}"
                else:
                    items.append(one)
            said = [one if _formula(one) else plain(one) for one in items]
            said = [one for one in said if re.search(r"\w", one)]  # no "..." that stands alone
            if said:
                found.append("\n".join(said))
    return found


def _announce_nothing(said: list[str]) -> None:
    """Take the colon from the end of what has been said, as nothing follows that it announced."""
    if said and said[-1].endswith(":"):
        *kept, last = said.pop().split("\n")
        if len(last.split()) > FEWEST_WORDS:
            kept.append(f"{last[:-1].rstrip()}.")
        said += ["\n".join(kept)] if kept else []


def _omitted(match: re.Match[str]) -> str:
    return "\n" if match[0].startswith("<!--") else f"\n\n{OMITTED}\n\n"


def _on_one_line(match: re.Match[str]) -> str:
    text = re.sub(r"\s+", " ", match[0]).strip()
    fits = len(text) <= LONGEST_FORMULA and max(map(len, text.split())) <= LONGEST_WORD
    return f"\n\n{text if fits else '(A formula.)'}\n\n"


def _formula(text: str) -> bool:
    return text.startswith(("$$", "\\begin{"))


def at_heading(sources: list[str], title: str) -> tuple[list[str], list[str]]:
    """Return Markdown cells in two: above the last heading ``title``, and from there on.

    What has no such heading is all below.
    """
    for number in range(len(sources) - 1, -1, -1):
        for match in reversed(list(HEADING.finditer(_unshown(sources[number])))):
            if plain_text(match[0].strip().strip("#")) == title:
                one = sources[number]
                return [*sources[:number], one[: match.start()]], [
                    one[match.start() :],
                    *sources[number + 1 :],
                ]
    return [], sources


def _unshown(source: str) -> str:
    """Return Markdown with blocks of code and formulas blank, everything else in its place."""
    return FORMULA.sub(_blank, SHOWN.sub(_blank, source))


def _blank(match: re.Match[str]) -> str:
    """Return as many characters, none of which means anything."""
    return re.sub(r"[^\n]", " ", match[0])


def comment(sources: list[str], title: str) -> str:
    """Return Markdown cells as lines of comment; ``title`` is said already."""
    parts: list[list[str]] = []
    for one in paragraphs(sources, headings=True):
        if one != title:
            parts.append([line for item in one.split("\n") for line in _wrapped(item, 90)])
    lines: list[str] = []
    for part in parts:
        if len(lines) + len(part) > MOST_NOTES:
            lines += [*([""] if lines else []), "(The notebook says more.)"]
            break
        lines += [*([""] if lines else []), *part]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)


def commented(notes: str, code: str) -> str:
    """Return code below its ``comment``, apart from a comment with which the code begins."""
    return notes + ("\n" if notes and code.lstrip("\n").startswith("#") else "") + code


def _wrapped(item: str, width: int) -> list[str]:
    """Return a paragraph, or an item of a list, in lines of at most ``width`` characters."""
    return textwrap.wrap(
        item,
        width,
        subsequent_indent="  " if LISTED.match(item) else "",
        break_on_hyphens=False,
        break_long_words=False,  # an address
    )


def plain(text: str) -> str:
    """Return Markdown without emphasis, and without what is longer than a line."""
    code: list[str] = []

    def keep(match: re.Match[str]) -> str:
        code.append(match[2])
        return f"\0{len(code) - 1}\0"

    text = (
        html.unescape(TAG.sub("", BREAK.sub(" ", CODE.sub(keep, text))))
        .replace("\xa0", " ")
        .strip()
    )
    for marks in EMPHASIS * 2:  # one in another
        text = marks.sub(r"\2", text)
    text = LONG_LINK.sub(r"\1", KEPT.sub(lambda match: code[int(match[1])], text))
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
            lines += _wrapped(item, 88)
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
