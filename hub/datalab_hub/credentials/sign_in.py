"""What a sign-in left (JupyterHub's ``auth_state``), and how long it is good."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jwt


def end_of(state: Mapping[str, Any], issued: float | None = None) -> float | None:
    """Return when the access token ends, in seconds since 1970; ``None`` where nothing says so.

    Looks at ``expires_at``; else at the access token itself, if it is a JWT; else at the
    provider's ``expires_in``, counted from the moment at which the identity token that came with
    it was issued (OpenID Connect Core 2: ``iat``); a refresh may bring none. Only read, not
    trusted: what a token opens decides whoever it is shown to.

    Args:
        issued: when the access token was issued, if somebody has seen it.
    """
    end = state.get("expires_at")
    if isinstance(end, int | float):
        return float(end)
    end = _claim(state.get("access_token"), "exp")
    if end is not None:
        return end
    response = state.get("token_response")
    life = response.get("expires_in") if isinstance(response, Mapping) else None
    if issued is None:
        issued = _claim(state.get("id_token"), "iat")
    if issued is None or not isinstance(life, int | float):
        return None
    return issued + life


def _claim(token: Any, name: str) -> float | None:
    if not isinstance(token, str):
        return None
    try:
        value = jwt.decode(token, options={"verify_signature": False}).get(name)
    except jwt.PyJWTError:
        return None
    return float(value) if isinstance(value, int | float) else None
