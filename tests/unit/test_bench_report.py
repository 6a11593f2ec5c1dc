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


@pytest.mark.parametrize("name", ["", "-credentials", "-export", "-pipelines", "-tunnel"])
def test_every_page_that_a_benchmark_renews_has_its_marks(tmp_path: Path, name: str) -> None:
    page = _DOCS / f"benchmarks{name}.md"
    copy = tmp_path / "page.md"
    copy.write_bytes(page.read_bytes())
    renew(copy, "| new |")
    text = copy.read_text(encoding="utf-8")
    assert "| new |" in text
    assert "Measured 20" not in text  # the old numbers are between the marks
    before, _, after = page.read_text(encoding="utf-8").partition(BEGIN)
    assert text.startswith(before)
    assert text.endswith(after.partition(END)[2])
