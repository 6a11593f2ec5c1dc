"""No token, password or key is anywhere that more people can read than their owner."""

from __future__ import annotations

import asyncio
import json
import logging

from datalab_workspace import wire
from fakes.ports import free_port
from fakes.sagemaker import Fault, server_error, throttled
from sagemaker_hub import a_site
from sagemaker_site import eventually

# Where an assignment has to be: in the request that writes it and the answer that reads it.
_CARRIERS = {"CreateSecret", "PutSecretValue", "GetSecretValue"}


def registration_secrets(world) -> set[str]:
    """Return every registration secret that was ever written."""
    written = [
        call.body["SecretString"] for call in world.aws.calls if "SecretString" in str(call.body)
    ]
    messages = [wire.decode(text) for text in written]
    return {message.secret for message in messages if isinstance(message, wire.Assignment)}


async def test_no_request_no_answer_no_log_line_no_state_holds_a_secret(world, caplog):
    caplog.set_level(logging.DEBUG)  # botocore's too, which prints whole requests
    logging.getLogger("botocore").setLevel(logging.INFO)
    world.platform.creator_role_arn = "arn:aws:iam::123456789012:role/datalab-creator"
    workspace = world.workspace("ann", "spot")
    backend = workspace.new_hub()
    world.aws.faults.append(Fault(throttled, "sagemaker", "DescribeTrainingJob", times=2))
    await backend.start()
    watch = asyncio.create_task(backend.gone())
    workspace.job.interrupt()
    await eventually(lambda: workspace.moves)
    watch.cancel()
    await backend.stop()
    failing = world.workspace("ben")
    world.aws.faults.append(Fault(server_error, "sagemaker", "CreateTrainingJob", times=1))
    await asyncio.wait([asyncio.create_task(failing.new_hub().start())])
    await asyncio.to_thread(lambda: None)

    secrets = registration_secrets(world) | {f"hub-token-of-ann-{n}" for n in (0, 1)}
    secrets |= {failing.token}
    assert len(secrets) == 6  # two boots and a failed start; three tokens
    seen = {
        f"{call.service} {call.operation} at {at}": json.dumps(
            [call.body, call.answer], default=str
        )
        for at, call in enumerate(world.aws.calls)
        if call.operation not in _CARRIERS
    }
    seen |= {f"log line {at}": record.getMessage() for at, record in enumerate(caplog.records)}
    seen |= {f"traceback {at}": record.exc_text or "" for at, record in enumerate(caplog.records)}
    seen["states"] = json.dumps([workspace.saved, failing.saved, workspace.saves])
    seen["reports"] = json.dumps([workspace.reports, failing.reports])
    for job in world.aws.all_jobs():
        seen[f"{job.name} request"] = json.dumps(job.request)
        seen[f"{job.name} log"] = job.log()
        seen[f"{job.name} reason"] = job.reason or ""
    leaks = {place for place, text in seen.items() for secret in secrets if secret in text}
    assert leaks == set()
    assert any("registered as" in text for text in seen.values())  # the logs are really there


async def test_an_assignment_shows_no_secret_when_it_is_printed(world):
    given = wire.Assignment("j", "s3cret", "http://h", {"JUPYTERHUB_API_TOKEN": "t0ken"}, [], "/")
    assert "s3cret" not in repr(given)
    assert "t0ken" not in repr(given)


async def test_a_workspaces_processes_show_no_secret(world):
    """Command lines and, of another uid, environments are for everybody on a machine."""
    import psutil

    workspace = world.workspace()
    backend = workspace.new_hub()
    await backend.start()
    process = psutil.Process(workspace.job.process.pid)
    shown = " ".join(process.cmdline()) + json.dumps(process.environ())
    assert workspace.token not in shown
    for secret in registration_secrets(world):
        assert secret not in shown
    await backend.stop()


def test_a_hub_with_a_gateway_shows_no_secret_in_logs_metrics_audit_database_and_command_lines(
    tmp_path, moto
):
    """With every log at its most talkative, over a start, a registration, a tunnel and a stop."""
    import psutil

    port = free_port()
    settings = {
        "transport": "tunnel",
        "gateway_url": f"ws://127.0.0.1:{port}/",
        "gateway_listen": f"127.0.0.1:{port}",
    }
    config = """
c.JupyterHub.log_level = "DEBUG"
c.JupyterHub.authenticate_prometheus = False
c.JupyterHub.internal_ssl = True
c.JupyterHub.internal_certs_location = "certs"
c.ConfigurableHTTPProxy.api_url = "https://127.0.0.1:" + os.environ["PROXY_API_PORT"]
"""
    with a_site(tmp_path, moto, settings=settings, config=config) as site, site.running() as hub:
        site.start()
        processes = [*hub.children(recursive=True)]
        processes += [psutil.Process(job.process.pid) for job in site.jobs()]
        processes += [child for job in processes for child in job.children()]
        shown = " ".join(" ".join(process.cmdline()) for process in processes)
        metrics = site.api.get("../metrics").text
        site.stop()
        seen = {
            "log": site.log(),
            "metrics": metrics,
            "audit": json.dumps(site.audit()),
            "command lines": shown,
            "database": (site.directory / "hub.sqlite").read_bytes().decode("latin-1"),
        }
        for at, call in enumerate(site.aws.calls):
            if call.operation not in _CARRIERS:
                where = f"{call.operation} at {at}"
                seen[where] = json.dumps([call.body, call.answer], default=str)
        written = [
            wire.decode(call.body["SecretString"])
            for call in site.aws.calls
            if call.operation in {"CreateSecret", "PutSecretValue"}
        ]
        secrets = {message.secret for message in written}
        secrets |= {message.env["JUPYTERHUB_API_TOKEN"] for message in written}
        secrets |= {message.tls["key"].splitlines()[3] for message in written}
        assert len(secrets) == 3
        leaks = {place for place, text in seen.items() for secret in secrets if secret in text}
        assert leaks == set()
        # All of it was really looked at.
        assert "datalab_start" in seen["metrics"]
        assert "is reached through port" in seen["log"]
        assert "registration" in seen["audit"]
        assert "tunnel.client" in seen["command lines"]
