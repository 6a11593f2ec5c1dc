"""A notebook's Markdown as docstrings and comments that read well without a page to show them."""

import pytest
from datalab_pipelines.export.code.prose import comment, paragraphs, plain


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("probability `p`, and with `1-p` door 2", "probability p, and with 1-p door 2"),
        ("**`x`** is *a `b` c*", "x is a b c"),
        ("**bold *it* bold** and ***both***", "bold it bold and both"),
        ("he did _not_ choose", "he did not choose"),
        ("5*x + 3*y, a**b, 2 * 3 * 4", "5*x + 3*y, a**b, 2 * 3 * 4"),
        ("`**kwargs` and *args, `a*b` and `c*d`", "**kwargs and *args, a*b and c*d"),
        ("__init__ of my_own_name", "__init__ of my_own_name"),
        ("so <b>bold</b>&nbsp;&amp; <font color='red'>red</font>", "so bold & red"),
        ("when a < b and b > c", "when a < b and b > c"),
    ],
)
def test_marks_are_taken_off_and_nothing_else(text, left):
    assert plain(text) == left


def test_what_only_a_page_can_show_is_no_prose():
    text = "Before\n\n```python\nx = 1\n\ny = 2\n```\n$$\na_1 = \\sum x\n$$\n"
    text += "<!-- hidden\n\nlines -->\n"
    text += "\\begin{equation}\nx\n\\end{equation}\n| a | b |\n![a picture](a.png)\n\nAfter"
    assert paragraphs([text]) == ["Before", "After"]


def test_a_quotation_of_several_paragraphs_stays_several():
    assert paragraphs(["> one\n> more\n>\n> two"]) == ["one more", "two"]


def test_paragraphs_of_a_comment_are_apart_and_items_are_lines():
    text = "## A section\nSome words\nmore words\n\n* one\n* two words\n  and three"
    assert comment([text], "The title").splitlines() == [
        "# A section",
        "#",
        "# Some words more words",
        "#",
        "# * one",
        "# * two words and three",
    ]


def test_a_comment_does_not_say_the_title_of_its_stage_again():
    assert comment(["## Load", "## More\n\nwords"], "Load") == "# More\n#\n# words\n"


def test_a_long_comment_ends_between_two_paragraphs():
    text = comment(["\n\n".join(f"{n} " + "word " * 30 for n in range(30))], "")
    assert text.endswith("\n#\n# (The notebook says more.)\n")
    assert len(text.splitlines()) <= 43
