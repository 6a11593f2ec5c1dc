"""JSON schema of the catalog, out of the models: ``python -m datalab_hub.catalog.schema``."""

from __future__ import annotations

import json
from typing import Any

from .models import Catalog


def catalog_schema() -> dict[str, Any]:
    """Return the JSON schema of a catalog file; the chart's ``values.schema.json`` holds it too."""
    schema = Catalog.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Datalab catalog"
    return schema


if __name__ == "__main__":
    print(json.dumps(catalog_schema(), indent=2, sort_keys=True))
