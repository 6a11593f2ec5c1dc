"""The claim of a person's home: made at the first start, and there before the pod is."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from ..backend import Phase, WorkspaceContext
from .cluster import Cluster, ClusterRefused
from .refusals import refusal

if TYPE_CHECKING:
    from .maker import PodMaker
    from .platform import KubernetesPlatform

_BINDING = 1.0  # seconds that a new claim may take before the pod is made nevertheless
_BINDING_POLL = 0.05


async def make_home(
    platform: KubernetesPlatform, context: WorkspaceContext, cluster: Cluster, maker: PodMaker
) -> None:
    """Make the person's claim if it is not there. It is the person's: no failure removes it.

    Raises:
        StartFailed: the API server refuses it; says why.
    """
    claim = platform.home_of(context.user).claim
    if claim is None or await cluster.read("claim", claim) is not None:
        return
    context.report(Phase.VOLUME, "Making a volume for your home")
    try:
        await cluster.create("claim", cluster.plain(maker.claim()))
    except ClusterRefused as error:
        raise refusal(error, "home").failure() from error
    await _bound(platform, cluster, claim)


async def _bound(platform: KubernetesPlatform, cluster: Cluster, claim: str) -> None:
    """Wait a moment for a new claim's volume.

    A pod whose claim is not bound yet is put aside by the scheduler, for at least a second. Not
    where the class waits for the pod: Kubernetes says so in an event.
    """
    now = asyncio.get_running_loop().time
    end = now() + _BINDING
    with platform.events.news_of(claim) as news:
        while now() < end:
            found = await cluster.read("claim", claim)
            if found is None or found.get("status", {}).get("phase") == "Bound":
                return
            events = platform.events.items.values()
            if any(
                event["involvedObject"]["name"] == claim
                and event.get("reason") == "WaitForFirstConsumer"
                for event in events
            ):
                return
            news.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), _BINDING_POLL)
