"""`import datalab`, as a notebook uses it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from credhub import SECRETS, site_with_sources


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with site_with_sources(tmp_path_factory.mktemp("library")) as site:
        yield site


def test_it_brings_no_library_along():
    code = """
import sys
import datalab
heavy = {"pandas", "numpy", "sqlalchemy", "boto3", "fsspec", "pyarrow", "requests", "psycopg"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_sources_are_a_table(site):
    text = site.run("ann", "import datalab; print(datalab.sources())")
    heading, *rows = text.splitlines()
    assert heading.split() == ["name", "what", "kind", "access", "how"]
    assert rows[0].endswith("lake = datalab.connect('lake')")
    assert "Ask the pricing team" in text
    shown = site.run("ann", "import datalab; print(datalab.sources()._repr_html_())")
    assert "<td>The lake</td>" in shown


def test_a_database_is_an_engine(site):
    code = """
import datalab, sqlalchemy
with datalab.connect("sales").connect() as connection:
    print(connection.execute(sqlalchemy.text("SELECT sum(amount) FROM orders")).scalar())
"""
    assert site.run("ann", code) == "42"


def test_a_query_and_a_file_are_frames(site):
    code = """
import datalab, pandas
lake = datalab.connect("lake")
with lake.open("numbers.csv", "w") as file:
    pandas.DataFrame({"n": [1, 2, 3]}).to_csv(file, index=False)
frame = datalab.read("sales", "SELECT amount FROM orders ORDER BY id")
print(list(frame["amount"]), datalab.read("lake", "numbers.csv")["n"].sum(), lake.ls("", False))
"""
    assert site.run("ann", code).startswith("[40, 2] 6 ['hello.txt', 'numbers.csv'")


def test_bigquery_is_a_client_that_renews_itself_and_a_frame(site):
    code = """
import datalab
client = datalab.connect("query")
rows = lambda: [row.amount for row in client.query_and_wait("SELECT amount FROM orders")]
print(rows(), datalab.read("query", "SELECT amount FROM orders")["amount"].sum())
client._credentials.token = None  # as when it has ended
print(rows())
"""
    assert site.run("bob", code).split("\n") == ["[40, 2] 42", "[40, 2]"]


def test_the_import_takes_less_than_a_tenth_of_a_second_of_cpu():
    code = """
import time
began = time.process_time()
import datalab
print(time.process_time() - began)
"""
    taken = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout)
        for _ in range(3)
    ]
    assert min(taken) < 0.1, taken


def test_the_library_is_typed_for_whoever_uses_it(tmp_path):
    (tmp_path / "use.py").write_text(
        "import datalab\n"
        "for source in datalab.sources():\n    reveal_type(source.name)\n"
        "reveal_type(datalab.read('sales', 'SELECT 1'))\n"
        "datalab.connect(1)\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", str(tmp_path / "use.py")]
    said = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path).stdout
    assert 'Revealed type is "str"' in said or 'Revealed type is "builtins.str"' in said, said
    assert "DataFrame" in said
    assert 'Argument 1 to "connect" has incompatible type "int"' in said
    assert "missing library stubs or py.typed marker" not in said.replace("pandas", "")


def test_a_filesystem_outlives_its_credentials(site):
    code = """
import datalab
lake = datalab.connect("lake")
before = lake.fs.fs
print(lake.cat("hello.txt").decode(), lake.fs.fs is before)
lake.fs._key = "ended"  # as when the agent has a newer one
print(lake.cat("hello.txt").decode(), lake.fs.fs is before)
"""
    assert site.run("ann", code).split("\n") == [
        "hello from the lake True",
        "hello from the lake False",
    ]


def test_a_static_value_comes_into_its_variable(site):
    code = "import datalab, os; print(datalab.connect('maps') == os.environ['MAPS_KEY'])"
    assert site.run("bob", code) == "True"
    assert SECRETS["maps"] not in str(site.environment("bob"))


def test_a_token_goes_to_its_own_service_and_no_other(site):
    code = """
import datalab, requests
session = datalab.connect("weather")
for url in ("https://weather.example/x", "https://evil.example/", "http://weather.example/",
            "https://weather.example.evil.example/", "https://weather.example:444/"):
    request = session.prepare_request(requests.Request("GET", url))
    print(request.headers.get("Authorization"))
"""
    expected = [f"Bearer {SECRETS['weather']}", *["None"] * 4]
    assert site.run("ann", code).splitlines() == expected


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("connect('sales')", "You are not in group sales, which Sales is for. Ask"),
        ("connect('nothing')", "There is no data source 'nothing'"),
        ("connect('../sources')", "The credential agent has no such path"),
        ("connect('pricing')", "You are not in group pricing, which Pricing is for. Ask the"),
        ("connect('open')", "Tell the person who runs Datalab"),
        ("read('maps', 'x')", "works with databases and buckets"),
        ("read('archive', 'x.docx')", "is none of them"),
    ],
)
def test_errors_are_sentences_for_people(site, call, sentence):
    code = f"""
import datalab
try:
    datalab.{call}
except datalab.DatalabError as error:
    print(error)
"""
    assert sentence in site.run("bob", code)


def test_outside_of_a_workspace_it_says_where_it_works():
    code = """
import datalab
try:
    datalab.sources()
except datalab.DatalabError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], env={}, capture_output=True, text=True)
    assert "There is no credential agent here" in done.stdout
