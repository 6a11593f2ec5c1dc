"""Decide, mint, limit, audit, revoke."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC
from pathlib import Path

from datalab_workspace import wire

from ..audit import AuditLog, clean_text
from ..catalog import Catalog
from ..catalog.sources import DataSource
from .departed import Departed
from .hub import Hub
from .limits import RateLimit
from .metrics import Metrics
from .minters import Minter, minter_for
from .policy import decide, not_in_group
from .problems import CredentialProblem, HubAway, MintFailed, NotAWorkspace, TooMany
from .who import Workspace

NOBODY = "-"
"""Whom the audit names when a token is nobody's."""

_NAME_CHARS = 63
_UNCOUNTED = "-"  # metrics label of names that are not in the catalog: anybody may invent them


class Broker:
    """One installation's broker.

    Args:
        book: where it remembers the sources that something has to be taken back from.
        per_minute: credentials that one run gets for one source in the long run; an agent that
            works needs one in forty minutes.
    """

    def __init__(
        self,
        catalog: Catalog,
        hub: Hub,
        audit: AuditLog,
        instance: str,
        log: logging.Logger,
        *,
        book: Path,
        per_minute: float = 20,
    ) -> None:
        self.catalog = catalog
        self.hub = hub
        self.metrics = Metrics()
        self._audit = audit
        self._log = log
        self._minters: dict[str, Minter] = {}

        def minter_of(source: DataSource) -> Minter | None:
            return minter_for(source, instance, hub.personal_tokens)

        for source in catalog.data_sources:
            minter = minter_of(source)
            if minter is not None:
                self._minters[source.name] = minter
        self._departed = Departed(book, self._minters.values(), minter_of, log)
        self._limit = RateLimit(burst=int(per_minute), per_minute=per_minute)
        self._strangers = RateLimit(burst=60, per_minute=60)

    async def sources(self, token: str) -> wire.Sources:
        """Return what a workspace may use now.

        Raises:
            CredentialProblem: the token is no live workspace's, or the hub is away.
        """
        try:
            who = await self.hub.workspace(token)
        except NotAWorkspace as problem:
            self._record(NOBODY, None, problem, {"asked": "sources"})
            raise
        return wire.Sources(
            [
                self._info(entry, who)
                for entry in self.catalog.data_sources
                if entry.allows(who.groups) or entry.advertised
            ]
        )

    async def credential(
        self, token: str, asked: wire.CredentialRequest, began: float
    ) -> wire.Credential:
        """Return a credential.

        Args:
            began: when the request came, by ``time.perf_counter``.

        Raises:
            CredentialProblem: not allowed, too often, or it could not be made. Audited.
        """
        known = self.catalog.source(asked.source) is not None
        label = asked.source if known else _UNCOUNTED
        who: Workspace | None = None
        detail = {"source": clean_text(asked.source, _NAME_CHARS), "access": asked.access}
        try:
            who = await self.hub.workspace(token)
            credential, name = await self._mint(who, asked)
        except CredentialProblem as problem:
            self.metrics.request(
                label, problem.outcome, problem.reason, time.perf_counter() - began
            )
            user, server = (who.user, who.server) if who else (NOBODY, None)
            self._record(user, server, problem, detail)
            raise
        self.metrics.request(label, "ok", "none", time.perf_counter() - began)
        self._audit.record(
            "credential",
            user=who.user,
            server=who.server,
            detail={**detail, "expires": credential.expires, "as": name},
        )
        return credential

    async def alert(self, token: str, alert: wire.AgentAlert) -> None:
        """Write into the audit that a workspace's agent refused somebody.

        Raises:
            CredentialProblem: the token is no live workspace's, or the hub is away.
        """
        who = await self.hub.workspace(token)
        wait = self._limit.take((who.run, "", "alert"))
        if wait:
            raise TooMany("Alerts come too often.", retry_after=wait)
        self._audit.record(
            "credential",
            user=who.user,
            server=who.server,
            outcome="refused",
            reason="agent",
            detail={"knock": clean_text(alert.reason, _NAME_CHARS), "count": alert.count},
        )

    def knock(self, problem: CredentialProblem, path: str) -> None:
        """Write into the audit what was refused before anybody was asked who it is."""
        self._record(NOBODY, None, problem, {"asked": clean_text(path, _NAME_CHARS)})

    async def sweep(self) -> None:
        """Take back at the sources what belongs to runs that have ended or lost their rights."""
        await self._departed.sweep()
        sweepers = {name: minter for name, minter in self._minters.items() if minter.takes_back}
        if not sweepers:
            return
        try:
            runs = await self.hub.runs()
        except CredentialProblem as problem:
            # Not knowing is no reason to take anything back.
            self._log.warning("Nothing is taken back now: %s", problem.message)
            return
        for name, minter in sweepers.items():
            source = minter.source

            def still_allowed(run: int, source: DataSource = source) -> bool:
                return run in runs and source.allows(runs[run].groups)

            try:
                count = await minter.sweep(still_allowed)
            except CredentialProblem as problem:
                self._log.warning("%s: not swept: %s", name, problem.detail or problem.message)
                continue
            if count:
                self.metrics.revoked(name, count)
                self._log.info("%s: took back %s credentials", name, count)

    async def keep_sweeping(self, every: float) -> None:
        """Sweep for ever, ``every`` so many seconds."""
        while True:
            try:
                await self.sweep()
            except Exception:  # noqa: BLE001  # the broker must go on handing out credentials
                self._log.exception("Sweeping failed")
            await asyncio.sleep(every)

    # -- internal ---------------------------------------------------------------------------

    async def _mint(
        self, who: Workspace, asked: wire.CredentialRequest
    ) -> tuple[wire.Credential, str]:
        source = decide(self.catalog, who.groups, asked.source, asked.access)
        wait = self._limit.take((who.run, source.name))
        if wait:
            raise TooMany(
                f"This workspace asks for {source.title} too often; "
                f"try again in {max(1, round(wait))} seconds.",
                retry_after=wait,
            )
        minter = self._minters.get(source.name)
        if minter is None:
            raise MintFailed(self._missing(source), reason="kind")
        minted = await minter.mint(who, asked.access)
        expires = minted.expires.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return wire.Credential(source.name, source.kind, minted.values, expires), minted.label

    def _info(self, source: DataSource, who: Workspace) -> wire.SourceInfo:
        if not source.allows(who.groups):  # advertised: that it exists, and nothing of where
            why = not_in_group(source).message
            return wire.SourceInfo(
                source.name, source.title, source.kind, description=source.description, problem=why
            )
        return wire.SourceInfo(
            name=source.name,
            title=source.title,
            kind=source.kind,
            access=source.access,
            description=source.description,
            delivered_as=source.delivered_as,
            facts=source.facts(),
            problem="" if source.name in self._minters else self._missing(source),
        )

    @staticmethod
    def _missing(source: DataSource) -> str:
        return (
            f"This release of Datalab cannot make credentials of kind {source.kind!r}. "
            "The person who runs Datalab can tell when that changes."
        )

    def _record(
        self, user: str, server: str | None, problem: CredentialProblem, detail: dict[str, str]
    ) -> None:
        problem.audited = True
        # Anybody who reaches the broker can send made-up tokens: they must not fill the disk.
        if user == NOBODY and not isinstance(problem, HubAway) and self._strangers.take(NOBODY):
            return
        self._audit.record(
            "credential",
            user=user,
            server=server,
            outcome=problem.outcome,
            reason=problem.reason,
            detail=detail,
        )
