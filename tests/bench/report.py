"""What a benchmark measured goes between two marks of its page; the prose around them stays."""

from __future__ import annotations

from pathlib import Path

BEGIN = "<!-- measured: begin -->"
END = "<!-- measured: end -->"


def renew(page: Path, measured: str) -> None:
    """Replace what stands between the marks of a page.

    Args:
        page: a Markdown file that has each mark once, the beginning first.
        measured: what to put there, without the marks.

    Raises:
        ValueError: the marks are not there; the page is left as it was.
    """
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in after:
        raise ValueError(
            f"{page}: expected one line '{BEGIN}' and one '{END}' after it; put them around what "
            "the benchmark is to write, and run it again"
        )
    body = f"{before}{BEGIN}\n\n{measured.strip()}\n\n{END}{after}"
    page.write_text(body, encoding="utf-8")
