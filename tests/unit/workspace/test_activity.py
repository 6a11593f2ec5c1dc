"""What shows that somebody is there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from datalab_workspace.activity import busy, shows_a_person


def request(
    method: str, status: int = 200, user: object = "ann", path: str = "api/x", **headers: str
) -> Any:
    """Return as much of a finished request's handler as is looked at."""
    return SimpleNamespace(
        request=SimpleNamespace(method=method, headers=headers, path=f"/user/ann/{path}"),
        settings={"base_url": "/user/ann/"},
        get_status=lambda: status,
        _jupyter_current_user=user,
    )


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_request_that_changes_something_shows_a_person(method: str) -> None:
    assert shows_a_person(request(method))


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_request_that_reads_may_be_a_tab_that_polls(method: str) -> None:
    assert not shows_a_person(request(method))
    assert not shows_a_person(request(method, **{"Sec-Fetch-Mode": "cors"}))


def test_the_layout_is_saved_by_a_tab_that_nobody_touches() -> None:
    assert not shows_a_person(request("PUT", path="lab/api/workspaces/default"))
    assert shows_a_person(request("PUT", path="api/contents/lab/api/workspaces/x.ipynb"))


def test_a_page_load_shows_a_person() -> None:
    assert shows_a_person(request("GET", **{"Sec-Fetch-Mode": "navigate"}))


def test_a_stranger_and_a_refused_request_do_not_count() -> None:
    assert not shows_a_person(request("POST", user=None))
    assert not shows_a_person(request("POST", status=403))


@pytest.mark.parametrize(
    ("states", "expected"),
    [([], False), (["idle"], False), (["starting", "dead"], False), (["idle", "busy"], True)],
)
def test_a_server_is_busy_while_one_of_its_kernels_computes(
    states: list[str], expected: bool
) -> None:
    kernels = {str(at): SimpleNamespace(execution_state=state) for at, state in enumerate(states)}
    manager = SimpleNamespace(list_kernel_ids=lambda: list(kernels), get_kernel=kernels.get)
    server: Any = SimpleNamespace(kernel_manager=manager)
    assert busy(server) is expected
