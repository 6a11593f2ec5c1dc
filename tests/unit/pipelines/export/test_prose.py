"""A notebook's Markdown as docstrings and comments that read well without a page to show them."""

import pytest
from datalab_pipelines.export.code.prose import comment, commented, paragraphs, plain


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
    text = "Before\n\n```python\nx = 1\n\ny = 2\n```\n"
    text += "<!-- hidden\n\nlines -->\n"
    text += "| a | b |\n![a picture](a.png)\n\nAfter"
    assert paragraphs([text]) == ["Before", "After"]


def test_a_formula_is_a_paragraph_of_one_line():
    text = "It is *this*:\n$$\na_{1} * b_{2} =\n  \\sum x * y\n$$\nand\n\n$x = *y*$\n"
    text += "\\begin{align}\nx &= *y*\n\\end{align}\nafter"
    assert paragraphs([text]) == [
        "It is this:",
        r"$$ a_{1} * b_{2} = \sum x * y $$",
        "and",
        "$x = y$",
        r"\begin{align} x &= *y* \end{align}",
        "after",
    ]


@pytest.mark.parametrize("formula", ["x + " * 60 + "x", "x" * 90], ids=["many lines", "one word"])
def test_a_formula_too_long_for_a_docstring_is_only_named(formula):
    assert paragraphs([f"Before\n$$ {formula} $$\nafter"]) == ["Before", "(A formula.)", "after"]


def test_a_table_is_no_prose_with_or_without_its_outer_bars():
    table = "Operator | Meaning\n--- | :---:\n== | equal\n\\| | or"
    assert paragraphs([f"Before\n{table}\n\na | b is a union"]) == ["Before", "a | b is a union"]
    assert paragraphs(["|a|b|\n|-|-|\n|1|2|"]) == []


@pytest.mark.parametrize(
    "omitted", ["```\nx = 1\n```", "|a|b|\n|-|-|\n|1|2|", "![a picture](a.png)"]
)
@pytest.mark.parametrize("apart", ["\n", "\n\n"])
def test_what_is_left_out_is_not_announced(omitted, apart):
    assert paragraphs([f"One\n\nVariables:{apart}{omitted}\n\nTwo"]) == ["One", "Two"]
    said = f"This is how it is done:{apart}{omitted}\n\nTwo"
    assert paragraphs([said]) == ["This is how it is done.", "Two"]
    items = f"- first\n- then:{apart}{omitted}"
    assert paragraphs([items]) == ["- first"]


@pytest.mark.parametrize("below", ["- one\n- two", "<!-- hidden -->\n- one\n- two"])
def test_what_is_there_is_announced(below):
    assert paragraphs([f"These:\n\n{below}"]) == ["These:", "- one\n- two"]


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


def test_what_says_nothing_is_no_paragraph():
    text = "<br>\n\n...\n\n<div></div>\n\n* one\n* <br>\n\nAfter"
    assert paragraphs([text]) == ["* one", "After"]


def test_what_the_notebook_says_is_apart_from_a_comment_of_the_code():
    assert commented("# Load\n", "# from disk\nx = 1") == "# Load\n\n# from disk\nx = 1"
    assert commented("# Load\n", "x = 1") == "# Load\nx = 1"
    assert commented("", "# from disk\nx = 1") == "# from disk\nx = 1"
