"""How often somebody may ask."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable


class RateLimit:
    """A token bucket per key, of a bounded number of keys.

    Args:
        burst: how many requests at once.
        per_minute: how many in the long run.
        keys: how many buckets are remembered; the longest unused is forgotten, that is full.
    """

    def __init__(
        self,
        burst: int,
        per_minute: float,
        *,
        keys: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.burst = burst
        self.rate = per_minute / 60
        self._keys = keys
        self._clock = clock
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, key: Hashable) -> float:
        """Take one.

        Returns:
            0 when that was allowed, else the seconds until it will be.
        """
        now = self._clock()
        left, at = self._buckets.pop(key, (float(self.burst), now))
        left = min(self.burst, left + (now - at) * self.rate)
        allowed = left >= 1
        self._buckets[key] = (left - 1 if allowed else left, now)
        if len(self._buckets) > self._keys:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self.rate
