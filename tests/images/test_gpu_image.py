"""The image ``gpu``, from inside, on a machine with a GPU or without."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.hub import FakeHub
from probes import execute

from .room import Room, existing
from .serving import serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

HAS_GPU = shutil.which("nvidia-smi") is not None

ON_CPU = """
import json, warnings
warnings.simplefilter("error")
import torch, torchvision
layer = torch.nn.Linear(2, 1)
loss = layer(torch.ones(3, 2)).square().mean()
loss.backward()
print(json.dumps([
    torch.version.cuda, torch.cuda.is_available(), torch.cuda.device_count(),
    torch._C._cuda_getArchFlags().split(), layer.weight.grad.shape == (1, 2),
    list(torchvision.models.resnet18()(torch.zeros(2, 3, 32, 32)).shape),
]))
"""
SMI = "#!/bin/sh\necho '{}'\n"


@pytest.fixture(scope="module")
def gpu() -> Iterator[Room]:
    with existing("gpu") as entered:
        yield entered


@pytest.mark.skipif(HAS_GPU, reason="there is a GPU")
async def test_without_a_gpu_pytorch_computes_on_the_cpu_and_nothing_complains(
    gpu: Room, hub: FakeHub, home: Path
) -> None:
    async with serving(gpu, hub, home) as (ann, _, _):
        assert (await ann.json("datalab/api/notices"))["notices"] == []
        printed = await execute(ann, ON_CPU, patience=600)
    cuda, available, devices, architectures, learnt, shape = json.loads(printed.splitlines()[-1])
    assert cuda.startswith("13.")
    assert (available, devices) == (False, 0)
    # T4, A100, A10G, L4, H100, B200: what clouds rent out.
    assert {"sm_75", "sm_80", "sm_86", "sm_90", "sm_100"} <= set(architectures)
    assert learnt
    assert shape == [2, 1000]


@pytest.mark.parametrize(
    ("driver", "level", "said"),
    [
        ("580.65.06", "info", "GPU: NVIDIA L4 (22 GiB), driver 580.65.06."),
        ("550.163.01", "warning", "driver 550.163.01, which is older than 580"),
    ],
)
async def test_a_workspace_says_which_gpu_it_has_and_whether_its_driver_will_do(
    gpu: Room, hub: FakeHub, home: Path, driver: str, level: str, said: str
) -> None:
    programs = home.parent / "nvidia"
    programs.mkdir()
    (programs / "nvidia-smi").write_text(SMI.format(f"NVIDIA L4, 23034, {driver}"))
    (programs / "nvidia-smi").chmod(0o755)
    path = dict(entry.split("=", 1) for entry in gpu.config["Env"])["PATH"]
    async with serving(
        gpu, hub, home, mounts={str(programs): "/tmp/nvidia"}, PATH=f"/tmp/nvidia:{path}"
    ) as (ann, _, _):
        (notice,) = (await ann.json("datalab/api/notices"))["notices"]
    assert notice["level"] == level
    assert said in notice["text"]


def test_the_libraries_are_of_one_cuda(gpu: Room, home: Path) -> None:
    """Two releases of CUDA beside each other are gigabytes, and crashes."""
    names = gpu.python(
        "import importlib.metadata as m, json;"
        "print(json.dumps(sorted(d.metadata['Name'] for d in m.distributions())))",
        home,
    )
    assert {found[0] for name in names if (found := re.search(r"-cu\d+$", name))} == {"-cu13"}
    environment = dict(entry.split("=", 1) for entry in gpu.config["Env"])
    assert environment["NVIDIA_VISIBLE_DEVICES"] == "all"


@pytest.mark.skipif(not HAS_GPU, reason="no GPU on this machine (nvidia-smi)")
async def test_pytorch_computes_on_the_gpu(gpu: Room, hub: FakeHub, home: Path) -> None:
    """The driver's libraries and program are the node's, as a container runtime mounts them."""
    code = "import torch; print(torch.ones(1000, device='cuda').sum().item())"
    libraries = home.parent / "driver"
    libraries.mkdir()
    for library in Path("/usr/lib/x86_64-linux-gnu").glob("lib*.so.1"):
        if library.name.startswith(("libcuda", "libnvidia")):
            shutil.copy(library, libraries)
    async with serving(
        gpu, hub, home, mounts={str(libraries): "/tmp/driver"}, LD_LIBRARY_PATH="/tmp/driver"
    ) as (ann, _, _):
        assert await execute(ann, code, patience=600) == "1000.0\n"
    assert os.path.lexists("/dev/nvidia0")
