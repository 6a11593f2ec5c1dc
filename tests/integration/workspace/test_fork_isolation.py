"""Nothing that was in the zygote, or is in another's workspace, is in a forked workspace."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import tempfile
from pathlib import Path

import pytest
from datalab_workspace import preload
from fakes.claimant import ENVIRONMENT, Standby
from probes import ROOT, Start, descriptors, inode, memory, needs_root

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

TEXT = {"content": "hello"}
TRASH = [f"send2trash.plat_other.{name}" for name in ("HOMETRASH", "HOMETRASH_B", "XDG_DATA_HOME")]


async def test_two_servers_have_neither_a_cookie_secret_nor_a_kernel_key_in_common(
    start: Start,
) -> None:
    ann, bob = await start("ann"), await start("bob")
    secrets = []
    for workspace in (ann, bob):
        await workspace.json("api/kernels", "POST", json={})
        runtime = workspace.home / ".local/share/jupyter/runtime"
        connection = json.loads(next(runtime.glob("kernel-*.json")).read_text())
        cookie = (runtime / "jupyter_cookie_secret").read_text()
        secrets.append((connection["key"], cookie))
    assert len({secret for pair in secrets for secret in pair}) == 4


@pytest.mark.parametrize(
    "draw",
    [
        "random.random()",
        "random.Random().random()",
        "early.random()",
        "numpy.random.random()",
        "uuid.uuid4().hex",
        "uuid.uuid1().hex",
        "secrets.token_hex()",
        "next(tempfile._get_candidate_names())",
        "ssl.RAND_bytes(16).hex()",
        "multiprocessing.current_process().authkey.hex()",
    ],
)
async def test_after_a_fork_each_process_draws_its_own(draw: str) -> None:
    script = f"""
import multiprocessing, numpy.random, os, random, secrets, ssl, tempfile, uuid
from datalab_workspace import claim
early = random.Random(7)
ssl.RAND_bytes(1); list(zip(range(2), tempfile._get_candidate_names())); uuid.uuid1()
claim.remember_generators()
for _ in range(2):
    if os.fork() == 0:
        claim.renew_randomness()
        os.write(1, (str({draw}) + "\\n").encode())
        os._exit(0)
    os.wait()
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    drawn = output.decode().split()
    assert len(drawn) == 2
    assert drawn[0] != drawn[1]


async def test_a_workspace_inherits_no_descriptor_of_the_zygote_or_of_others(
    start: Start, standby: Standby
) -> None:
    ann = await start("ann")
    bob = await start("bob")
    zygote = {inode(name) for name in descriptors(standby.process.pid).values() if "[" in name}
    anns = {inode(name) for name in descriptors(ann.pid).values() if "[" in name}
    bobs = {inode(name) for name in descriptors(bob.pid).values() if "[" in name}
    kinds = {inode("anon_inode:[eventpoll]"), ""}  # their numbers say nothing
    assert not (anns & zygote) - kinds
    assert not (bobs & zygote) - kinds
    assert not (anns & bobs) - kinds
    assert str(ann.log) in descriptors(ann.pid).values()
    assert str(ann.log) not in descriptors(bob.pid).values()
    assert descriptors(ann.pid)[0] == os.devnull


async def test_kernels_and_terminals_do_not_inherit_the_listening_socket(start: Start) -> None:
    ann = await start("ann")
    await ann.json("api/kernels", "POST", json={})
    await ann.json("api/terminals", "POST", json={})
    listening = [c for c in ann.process.net_connections("tcp") if c.status == "LISTEN"]
    assert [c.laddr.port for c in listening] == [ann.port]
    server = {n for n in descriptors(ann.pid).values() if n.startswith("socket:")}
    children = ann.process.children(recursive=True)
    assert len(children) >= 2
    for child in children:
        assert not server & set(descriptors(child.pid).values())


@pytest.mark.skipif(not ROOT, reason="reads the memory of other processes")
async def test_nobody_else_has_a_persons_token_in_memory(start: Start, standby: Standby) -> None:
    ann = await start("ann")
    bob = await start("bob")
    await ann.answer("lab")
    token = ann.person.api_token.encode()
    assert token in memory(ann.pid), "the search itself must work"
    assert token not in memory(bob.pid)
    assert token not in memory(standby.process.pid)


@pytest.mark.root
@needs_root
async def test_a_claim_with_a_uid_gives_up_everything_of_roots(start: Start) -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own are closed to other users
        Path(name).chmod(0o711)
        home = Path(name, "home")
        home.mkdir()
        os.chown(home, 54321, 54322)
        ann = await start("ann", home=home, uid=54321, gid=54322)
        status = Path(f"/proc/{ann.pid}/status").read_text()
        assert re.search(r"^Uid:\t54321\t54321\t54321\t54321$", status, re.M)
        assert re.search(r"^Gid:\t54322\t54322\t54322\t54322$", status, re.M)
        assert re.search(r"^Groups:\s*$", status, re.M)
        assert re.search(r"^CapEff:\t0+$", status, re.M)
        await ann.json("api/contents/f.txt", "PUT", json={"type": "file", "format": "text"} | TEXT)
        written = (home / "f.txt").stat()
        assert (written.st_uid, written.st_gid) == (54321, 54322)
        assert written.st_mode & 0o077 == 0


async def test_nothing_that_was_computed_before_the_fork_knows_a_home(tmp_path: Path) -> None:
    """Find what remembers the home that it saw at import: that would be everybody's home."""
    script = """
import gc, json, sys, traitlets
from datalab_workspace import preload
preload.everything()
results = {}
for kind in [found for found in gc.get_objects() if isinstance(found, traitlets.MetaHasTraits)]:
    for name, trait in kind.class_own_traits().items():
        if preload.HOME in repr(trait.default_value):
            results[f"{kind.__module__}.{kind.__name__}.{name}"] = True
del sys.modules["__main__"]
for name, module in list(sys.modules.items()):
    for key, value in list(getattr(module, "__dict__", {}).items()):
        plain = isinstance(value, (str, bytes, list, tuple, dict))
        if plain and key not in ("HOME", "environ") and preload.HOME in repr(value):
            results[f"{name}.{key}"] = True
print(json.dumps(sorted(results)))
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE, env=ENVIRONMENT
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert json.loads(output.splitlines()[-1]) == [
        "jupyterlab.labapp.LabApp.user_settings_dir",  # server._defaults_of_this_home
        "jupyterlab.labapp.LabApp.workspaces_dir",  # the same
        *TRASH,  # claim._COMPUTED_FROM_HOME
        "sysconfig._CONFIG_VARS",  # claim._renew_paths
    ]


def test_the_home_of_the_standby_exists_nowhere() -> None:
    assert not Path(preload.HOME).exists()
