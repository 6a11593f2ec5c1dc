"""What every model of the catalog shares."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints


class Model(BaseModel):
    """Frozen, and strict about misspelt keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Name = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", min_length=1)
]
"""A lowercase slug of 1 to 63 characters, as in DNS labels."""

Title = Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True)]
Group = Annotated[str, StringConstraints(min_length=1, max_length=255)]
