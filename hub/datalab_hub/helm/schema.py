"""JSON schema of the chart's values: ``python -m datalab_hub.helm.schema``."""

from __future__ import annotations

import json
from typing import Any

from .values import ChartValues


def values_schema() -> dict[str, Any]:
    """Return the schema; Helm holds the values of every install and upgrade against it."""
    schema = ChartValues.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Values of the Datalab chart"
    return schema


if __name__ == "__main__":
    print(json.dumps(values_schema(), indent=2, sort_keys=True))
