"""The cards of the start page, and the same cards as JupyterHub's options form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from ..catalog import Profile
from ..site import Site, site_of

_SLOW = timedelta(minutes=15)  # whoever is given so long needs minutes
_QUICK_SECONDS = 10  # as long as people keep looking at a page
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Card:
    """What a person sees of a profile. Texts are ready to show, without markup.

    Attributes:
        quick: it usually starts while one looks on; without experience, nothing speaks against it.
    """

    name: str
    title: str
    description: str
    contents: tuple[str, ...]
    resources: tuple[str, ...]
    price: str
    start: str
    last_used: bool
    quick: bool = True


def cards(site: Site, user: str, groups: list[str]) -> list[Card]:
    """Return the cards for somebody in these groups, last used first."""
    last_used = site.ledger.last_used(user)
    profiles = site.catalog.profiles_for(groups)
    profiles.sort(key=lambda profile: last_used.get(profile.name, _LONG_AGO), reverse=True)
    return [
        _card(site, profile, last_used=index == 0 and profile.name in last_used)
        for index, profile in enumerate(profiles)
    ]


async def options_form(spawner: Any) -> str:
    """Return the cards as the inside of JupyterHub's own spawn form (``/hub/spawn``)."""
    site = site_of(spawner.user.settings)
    template = spawner.user.settings["jinja2_env"].get_template("datalab_options.html")
    html = await template.render_async(cards=cards(site, spawner.user.name, spawner.groups))
    return str(html)


def money(amount: Decimal | None, currency: str) -> str:
    """Return an amount for people: two digits, more only where two would show nothing."""
    if amount is None:
        return ""
    digits = 2 if amount == 0 or amount >= Decimal("0.01") else 4
    return f"{amount:.{digits}f} {currency}"


def duration(value: timedelta | float | None) -> str:
    """Return a stretch of time for people, in the one or two largest units."""
    if value is None:
        return ""
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes and hours < 10 else f"{hours} h"
    return f"{hours // 24} days"


def since(value: timedelta | float) -> str:
    """Return how long something lasts already, as people say it: seconds are of no interest."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if seconds < 60:
        return "less than a minute"
    return duration(seconds) if seconds >= 90 else "1 min"


def memory(size: int) -> str:
    """Return a memory size for people."""
    gib = size / 1024**3
    return f"{gib:.0f} GiB" if gib >= 1 and gib == round(gib) else f"{gib:.1f} GiB"


def _readiness(profile: Profile, expected: float | None) -> str:
    """Say when a workspace will be ready: by experience, or roughly before there is any."""
    if expected is not None:
        return f"usually ready in {duration(expected)}"
    return "ready in minutes" if profile.start_timeout >= _SLOW else ""


def is_quick(site: Site, profile: Profile) -> bool:
    """Return whether a start of this profile is usually over while one looks on."""
    return _quick(profile, site.ledger.expected_start(profile.name))


def _quick(profile: Profile, expected: float | None) -> bool:
    return expected < _QUICK_SECONDS if expected is not None else profile.start_timeout < _SLOW


def _card(site: Site, profile: Profile, *, last_used: bool) -> Card:
    image = site.catalog.images.get(profile.image) if profile.image else None
    have, parts = profile.resources, []
    if have.cpu is not None:
        parts.append(f"{have.cpu:g} core{'s' if have.cpu != 1 else ''}")
    if have.memory is not None:
        parts.append(f"{memory(have.memory)} memory")
    if have.gpu is not None:
        count = f"{have.gpu.count} × " if have.gpu.count > 1 else ""
        parts.append(f"{count}{have.gpu.type or 'GPU'}")
    price = ""
    if profile.price_per_hour is not None:
        # What is paid for a machine that may be taken back changes by the hour; this is its limit.
        most = "up to " if profile.sagemaker is not None and profile.sagemaker.spot else ""
        price = f"{most}{money(profile.price_per_hour, site.catalog.currency)} per hour"
    expected = site.ledger.expected_start(profile.name)
    return Card(
        name=profile.name,
        title=profile.title,
        description=profile.description,
        contents=image.contents if image else (),
        resources=tuple(parts),
        price=price,
        start=_readiness(profile, expected),
        last_used=last_used,
        quick=_quick(profile, expected),
    )
