"""The base of every error whose text is meant for people."""

from __future__ import annotations


class DatalabError(Exception):
    """An error whose text is meant for people: what was wrong, where, and what to do next."""
