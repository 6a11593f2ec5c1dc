"""Long lines that a formatter leaves are made shorter, and mean what they meant."""

import ast

import pytest
from datalab_pipelines.export.projects.wrapping import wrapped
from hypothesis import given
from hypothesis import strategies as st

WORDS = "some words that go on and on " * 5
LONG = {
    "a comment": f"x = 1\n# {WORDS}\ny = 2",
    "a comment behind code": f"if x:\n    y = f(1)  # {WORDS}",
    "a comment in brackets": f"y = [\n    1,  # {WORDS}\n    2,\n]",
    "an argument": f"print('{WORDS}', 1)",
    "a value": f"x = '{WORDS}'",
    "a value with a format": f"x = '{WORDS} %s' % y",
    "a method": f"x = '{WORDS} {{}}'.format(y)",
    "an f-string": f"print(f'{{a + b}} {WORDS} {{c[1]:>5}} {WORDS}')",
    "a raw text": f"re.compile(r'{WORDS}')",
    "escapes": f"print('\\n\\t {WORDS}\\n')",
    "bytes": f"x = b'{WORDS}'",
    "letters beyond ASCII": f"print('äöü € {WORDS}')",
}


@pytest.mark.parametrize("what", LONG)
def test_a_long_line_becomes_several(what):
    text = wrapped(LONG[what], 100)
    assert max(map(len, text.splitlines())) <= 100
    assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(LONG[what]))
    assert text.count("words") == LONG[what].count("words")


@pytest.mark.parametrize(
    "text",
    [
        "x = 1  # noqa: E501 " + WORDS,
        'def f():\n    """' + WORDS + '"""',
        "x = '" + "a" * 120 + "'",
        "x = 'short'",
        "x = 'a' \\\n    '" + "b" * 120 + "'",
    ],
)
def test_what_cannot_be_shorter_stays(text):
    assert wrapped(text, 100) == text


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@given(st.text(alphabet="ab {}\\'\"\n%é", max_size=200), st.sampled_from(["", "f", "r", "b"]))
def test_any_text_means_what_it_meant(body, prefix):
    code = f"print({prefix}'{body}', {body!r})"
    try:
        before = ast.dump(ast.parse(code))
    except (SyntaxError, ValueError):
        return
    assert ast.dump(ast.parse(wrapped(code, 30))) == before
