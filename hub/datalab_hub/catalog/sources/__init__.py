"""One file per kind of data source: its part of the catalog.

A new kind is one class here and its name in :data:`DataSource`.
"""

from typing import Annotated

from pydantic import Field

from .base import SecretReference, SourceBase
from .cloud import BigQuerySource, DatabricksSource, S3Source
from .database import PostgresSource, RedshiftSource
from .web import HttpSource, StaticSource

DataSource = Annotated[
    S3Source
    | PostgresSource
    | RedshiftSource
    | DatabricksSource
    | BigQuerySource
    | HttpSource
    | StaticSource,
    Field(discriminator="kind"),
]

__all__ = ["DataSource", "SecretReference", "SourceBase"]
