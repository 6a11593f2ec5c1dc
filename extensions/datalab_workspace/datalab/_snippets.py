"""A few lines of code for each kind of source: what the table and the side panel offer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_Facts = Mapping[str, str]


@dataclass(frozen=True)
class Snippet:
    """Code that works as it stands.

    Attributes:
        label: two or three words: with what, or for what.
    """

    label: str
    code: str


def snippets(
    name: str, kind: str, access: str, facts: _Facts, *, default: bool = False
) -> list[Snippet]:
    """Return what one would write to use a source, the best first; empty for an unknown kind.

    Args:
        default: the source is the one behind AWS's default credential chain.
    """
    make = _KINDS.get(kind)
    return make(name, access, facts, default) if make else []


def _s3(name: str, access: str, facts: _Facts, default: bool) -> list[Snippet]:
    lake = f'import datalab\n\nlake = datalab.connect("{name}")\n'
    bucket, prefix = facts.get("bucket", ""), facts.get("prefix", "")
    file = _text(f"s3://{bucket}/{prefix}FILE.parquet")
    found = [
        Snippet("Files", f'{lake}lake.ls("")'),
        Snippet("Read", f'import datalab\n\nframe = datalab.read("{name}", "FILE.parquet")\nframe'),
    ]
    if access == "write":
        write = f'{lake}with lake.open("FILE.parquet", "wb") as file:\n    frame.to_parquet(file)'
        found.append(Snippet("Write", write))
    if default:
        code = f"import pandas as pd\n\nframe = pd.read_parquet({file})\nframe"
        found.append(Snippet("pandas", code))
        found.append(
            Snippet(
                "boto3",
                'import boto3\n\ns3 = boto3.client("s3")\n'
                f"s3.list_objects_v2(Bucket={_text(bucket)}, Prefix={_text(prefix)})",
            )
        )
    else:
        code = f'import boto3\n\ns3 = boto3.Session(profile_name="{name}").client("s3")'
        found.append(Snippet("boto3", code))
    return found


def _sql(name: str, access: str, facts: _Facts, default: bool) -> list[Snippet]:
    query = (
        "\n    SELECT table_schema, table_name FROM information_schema.tables"
        "\n    WHERE table_schema NOT IN ('pg_catalog', 'information_schema')\n"
    )
    read = f'import datalab\n\nframe = datalab.read("{name}", """{query}""")\nframe'
    engine = (
        f'import datalab\nimport sqlalchemy\n\nengine = datalab.connect("{name}")\n'
        f'query = sqlalchemy.text("""{query}""")\n'
        "with engine.connect() as connection:\n    rows = connection.execute(query).all()\nrows"
    )
    return [Snippet("Query", read), Snippet("SQLAlchemy", engine)]


def _bigquery(name: str, access: str, facts: _Facts, default: bool) -> list[Snippet]:
    return [
        Snippet("Query", f'import datalab\n\nframe = datalab.read("{name}", "SELECT 1")\nframe'),
        Snippet(
            "Client",
            f'import datalab\n\nclient = datalab.connect("{name}")\n'
            "[dataset.dataset_id for dataset in client.list_datasets()]",
        ),
    ]


def _databricks(name: str, access: str, facts: _Facts, default: bool) -> list[Snippet]:
    return [
        Snippet(
            "Query",
            f'import datalab\n\nconnection = datalab.connect("{name}")\n'
            "with connection.cursor() as cursor:\n"
            '    rows = cursor.execute("SELECT current_user()").fetchall()\nrows',
        )
    ]


def _http(name: str, access: str, facts: _Facts, default: bool) -> list[Snippet]:
    return [
        Snippet(
            "Request",
            f'import datalab\n\nsession = datalab.connect("{name}")\n'
            f"session.get({_text(facts.get('url', ''))})",
        )
    ]


def _static(name: str, access: str, facts: _Facts, default: bool) -> list[Snippet]:
    value = f'import datalab\n\nvalue = datalab.connect("{name}")'
    if variable := facts.get("variable"):
        value = f'import datalab\nimport os\n\ndatalab.connect("{name}")  # sets {variable}'
    return [Snippet("Value", value)]


def _text(value: str) -> str:
    """Return a string as Python code; what a catalog says cannot end it early."""
    return json.dumps(value, ensure_ascii=False)


_KINDS: dict[str, Callable[[str, str, _Facts, bool], list[Snippet]]] = {
    "s3": _s3,
    "postgres": _sql,
    "redshift": _sql,
    "databricks": _databricks,
    "bigquery": _bigquery,
    "http": _http,
    "static": _static,
}
