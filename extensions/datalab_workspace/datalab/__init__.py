"""Data, from a notebook in a Datalab workspace::

    import datalab

    datalab.sources()                          # what there is, and what you may do
    engine = datalab.connect("sales")          # a database: an SQLAlchemy engine
    lake = datalab.connect("lake")             # a bucket: an fsspec filesystem
    frame = datalab.read("sales", "SELECT …")  # a pandas frame

Nothing is configured and no password is typed: credentials are short-lived and renew by
themselves, also in a notebook that stays open for days.
"""

from __future__ import annotations

from ._agent import DatalabError, Source, Sources, credential, sources
from ._connect import connect, read

__all__ = ["DatalabError", "Source", "Sources", "connect", "credential", "read", "sources"]
