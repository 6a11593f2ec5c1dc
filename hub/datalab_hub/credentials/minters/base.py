"""What a minter is: one class per way to make a short-lived credential."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, TypeVar

from ...catalog.sources import SourceBase
from ..who import Workspace

SourceT = TypeVar("SourceT", bound=SourceBase)
PersonalTokens = Callable[[Workspace], Awaitable[dict[str, Any]]]
StillAllowed = Callable[[int], bool]
"""Says of a run (by its number) whether it lives and may still use the source."""


@dataclass(frozen=True)
class Minted:
    """A credential.

    Attributes:
        values: what the workspace gets, by the names that its kind of client uses.
        label: names the credential at the source, for the audit; not secret.
    """

    values: dict[str, str] = field(repr=False)
    expires: datetime
    label: str = ""


class Minter(ABC, Generic[SourceT]):
    """Makes credentials for one source.

    Args:
        source: the catalog's entry.
        instance: the installation, to tell its credentials from another's at the same source.
        personal_tokens: asks the hub for the person's own tokens.
    """

    kind: ClassVar[str]
    minting: ClassVar[str | None] = None
    """``minting`` in the catalog; ``None`` for kinds that have only one way."""

    def __init__(self, source: SourceT, instance: str, personal_tokens: PersonalTokens) -> None:
        self.source = source
        self.instance = instance
        self.personal_tokens = personal_tokens

    @property
    def takes_back(self) -> bool:
        """Whether something stays at the source that :meth:`sweep` removes."""
        return type(self).sweep is not Minter.sweep

    @abstractmethod
    async def mint(self, who: Workspace, access: str) -> Minted:
        """Return a fresh credential.

        Raises:
            CredentialProblem: it could not be made; the message is for the person.
        """

    async def sweep(self, still_allowed: StillAllowed) -> int:
        """Take back, at the source, what belongs to nobody any more; return how many.

        Raises:
            CredentialProblem: the source could not be reached.
        """
        return 0

    def until(self) -> datetime:
        """Return when a credential made now ends."""
        return datetime.now(UTC).replace(microsecond=0) + self.source.lifetime
