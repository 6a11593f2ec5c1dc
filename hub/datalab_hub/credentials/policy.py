"""May this workspace have this credential? Decided from the catalog and the groups of now."""

from __future__ import annotations

from collections.abc import Collection

from ..audit import clean_text
from ..catalog import Catalog
from ..catalog.sources import DataSource
from .problems import Refused, Unknown

_NAME_CHARS = 63
MODES = ("read", "write")


def not_in_group(source: DataSource) -> Refused:
    """Return the refusal for somebody who is in none of a source's groups."""
    wanted = " or ".join(sorted(source.allowed_groups))
    ask = source.contact or "whoever keeps that group to add you, or the person who runs Datalab"
    return Refused(
        f"You are not in group {wanted}, which {source.title} is for. Ask {ask}.", reason="group"
    )


def decide(catalog: Catalog, groups: Collection[str], name: str, access: str) -> DataSource:
    """Return the source, if somebody in these groups may use it in this way.

    Args:
        access: ``read`` or ``write``; a source for writing may also be asked for reading.

    Raises:
        Unknown: no such source (any more).
        Refused: not for these groups, or not for writing.
    """
    source = catalog.source(name)
    if source is None:
        shown = clean_text(name, _NAME_CHARS)
        offered = ", ".join(entry.name for entry in catalog.sources_for(groups)) or "none"
        raise Unknown(
            f"There is no data source {shown!r} (any more). You can use: {offered}.",
            reason="unknown",
        )
    if not source.allows(groups):
        raise not_in_group(source)
    if access not in MODES:
        raise Refused(
            f"Access is 'read' or 'write', not {clean_text(access, 20)!r}.", reason="mode"
        )
    if access == "write" and source.access != "write":
        raise Refused(
            f"{source.title} is for reading only. The person who runs Datalab can change that "
            f"in the catalog (access: write).",
            reason="mode",
        )
    return source
