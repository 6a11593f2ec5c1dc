"""Which address the proxy is pointed at, and which port of the gateway is whose."""

from __future__ import annotations

import logging

import pytest
from datalab_hub.spawner.sagemaker.transport import Direct, OldImage, Tunnel, UnusableAddress
from datalab_workspace import wire

LOG = logging.getLogger("transport-test")


def registered(**changes):
    fields = {"job": "dl-a", "secret": "s", "ip": "10.1.2.3", "port": 8888, "transport": "tunnel"}
    return wire.Register(**(fields | changes))


@pytest.fixture
def tunnel():
    return Tunnel("ws://gateway:8082/", "gateway", (20000, 20003), LOG)


def test_each_job_has_a_port_of_its_own_and_keeps_it(tunnel):
    given = [tunnel.via(f"dl-{n}", registered()) for n in range(4)]
    assert len(set(given)) == 4
    assert {g.partition(":")[0] for g in given} == {"gateway"}
    assert tunnel.via("dl-2", registered()) == given[2]
    with pytest.raises(UnusableAddress, match=r"All ports .*20000 to 20003; c\.SageMaker"):
        tunnel.via("dl-5", registered())


def test_a_port_that_was_given_back_rests_before_it_is_another_workspaces(tunnel):
    old = tunnel.via("dl-a", registered())
    tunnel.release("dl-a")
    others = {tunnel.via(f"dl-{n}", registered()) for n in range(3)}
    assert old not in others
    with pytest.raises(UnusableAddress):
        tunnel.via("dl-more", registered())


def test_a_port_that_somebody_else_has_is_replaced_once(tunnel):
    old = tunnel.via("dl-a", registered())
    port = int(old.rpartition(":")[2])
    new = tunnel.another("dl-a", port)
    assert new != old
    assert tunnel.another("dl-a", port) == new  # asked again about the same: nothing changes


def test_the_next_hub_knows_the_ports_and_where_the_gateway_is_now(tunnel):
    assert tunnel.keep("dl-a", "old-name:20001") == "gateway:20001"
    assert "gateway:20001" not in {tunnel.via(f"dl-{n}", registered()) for n in range(3)}
    assert tunnel.keep("dl-never-registered", "") == ""


def test_an_image_that_knows_no_tunnel_is_told_apart(tunnel):
    with pytest.raises(OldImage):
        tunnel.via("dl-a", registered(transport="direct"))


@pytest.mark.parametrize("address", ["169.254.169.254", "127.0.0.1", "8.8.8.8", "hub", ""])
def test_the_proxy_is_never_pointed_anywhere_but_at_jobs(address):
    direct = Direct(["10.0.0.0/8"], 8888, LOG)
    assert direct.via("dl-a", registered()) == ""
    with pytest.raises(UnusableAddress):
        direct.via("dl-a", registered(ip=address))
    with pytest.raises(UnusableAddress):
        direct.via("dl-a", registered(port=22))
