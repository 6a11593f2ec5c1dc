"""A notebook's Markdown as docstrings."""

from __future__ import annotations

import re
import textwrap

from ..model import StagePlan


def paragraphs(sources: list[str]) -> list[str]:
    """Return the paragraphs of Markdown cells, without headings, pictures and tables."""
    found: list[str] = []
    for source in sources:
        for block in re.split(r"\n\s*\n", source):
            lines = [one.strip() for one in block.splitlines()]
            kept = [one for one in lines if one and not re.match(r"#|!\[|<|\$\$|---|\||```", one)]
            if kept:
                found.append(re.sub(r"[*`]{1,3}(\S.*?)[*`]{1,3}", r"\1", " ".join(kept)))
    return found


def docstring(prose: list[str], stage: StagePlan) -> str:
    """Return a stage's docstring: its title, and what the notebook says about it."""
    title = re.sub(r"\s+", " ", stage.doc or stage.title).strip().rstrip(".")
    first = textwrap.shorten(title, 80, placeholder="…")
    lines = [sentence(first)]
    for one in prose[:4]:
        lines += ["", *textwrap.wrap(sentence(textwrap.shorten(one, 500, placeholder="…")), 88)]
    text = "\n".join(lines).replace('"""', "'''")
    opened = 'r"""' if "\\" in text else '"""'
    text = re.sub(r'["\\]$', "", text)
    return f'{opened}{text}"""' if len(lines) == 1 else f'{opened}{text}\n"""'


def sentence(text: str) -> str:
    """Return text with a full stop, where it has no other end."""
    text = text.strip()
    return f"{text}." if text[-1:].isalnum() or text[-1:] in set(")]'\"") else text
