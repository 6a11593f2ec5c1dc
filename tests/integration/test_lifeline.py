"""Helpers of a hub that is killed end by themselves."""

from __future__ import annotations

from hubproc import Datalab, until


def test_the_culler_of_a_killed_hub_ends(tmp_path):
    site = Datalab(tmp_path / "data").start()
    try:
        culler, hub = site.helper("jupyterhub_idle_culler"), site.hub()
        hub.kill()
        until(lambda: not culler.is_running() or culler.status() == "zombie")
        assert until(lambda: site.helper("jupyterhub_idle_culler")).pid != culler.pid
    finally:
        site.stop()
