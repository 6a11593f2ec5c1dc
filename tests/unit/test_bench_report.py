"""A benchmark renews its numbers and leaves what people wrote around them."""

from pathlib import Path

import pytest
from bench.report import BEGIN, END, renew

_DOCS = Path(__file__).parents[2] / "docs"


def test_only_what_stands_between_the_marks_changes(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n{BEGIN}\n\nold\n\n{END}\n\nProse – stays.\n", encoding="utf-8")
    renew(page, "new\n")
    once = page.read_text(encoding="utf-8")
    assert once == f"# Title\n\n{BEGIN}\n\nnew\n\n{END}\n\nProse – stays.\n"
    renew(page, "new\n")
    assert page.read_text(encoding="utf-8") == once


@pytest.mark.parametrize(
    "text",
    ["prose", f"{BEGIN} x", f"{END} {BEGIN}", f"{BEGIN} {BEGIN} {END}", f"{BEGIN}{END}{END}"],
)
def test_a_page_without_its_marks_is_left_alone(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"page\.md.*put them around"):
        renew(page, "new")
    assert page.read_text(encoding="utf-8") == text


def test_the_page_of_the_tunnel_can_be_renewed(tmp_path: Path) -> None:
    copy = tmp_path / "page.md"
    copy.write_bytes((_DOCS / "benchmarks-tunnel.md").read_bytes())
    renew(copy, "| new |")
    text = copy.read_text(encoding="utf-8")
    assert "| new |" in text
    assert "MiB/s" not in text
    prose = (_DOCS / "benchmarks-tunnel.md").read_text(encoding="utf-8").rpartition("-->")[2]
    assert "goal" in prose
    assert text.endswith(prose)
