"""Notebook to pipeline: datalab-export against soorgeon, on the notebooks in tests/notebooks.

soorgeon is installed into an environment of its own (``.bench/export``). Per notebook and tool: is
it split, into how many stages, does that run, and (ours only, soorgeon cannot tell) is it proved to
give what the notebook gives. Times are one run each, on one machine. Writes
docs/benchmarks-export.md.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.report import renew

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "tests" / "notebooks"
OTHERS = ROOT / ".bench" / "export"
REPORT = ROOT / "docs" / "benchmarks-export.md"
WANTED = ["soorgeon", "ploomber", "pandas", "scikit-learn", "matplotlib", "ipykernel", "setuptools"]
LONGEST = 600


@dataclass
class Result:
    """What a tool made of a notebook."""

    stages: int = 0
    runs: bool = False
    proved: bool = False
    seconds: float = 0.0
    proof_seconds: float = 0.0
    reason: str = ""


def run(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, or for ``LONGEST`` seconds."""
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"not finished after {LONGEST} s")


def ours(notebook: Path, folder: Path) -> Result:
    """Plan, then export with the proof."""
    shutil.copy2(notebook, folder / "nb.ipynb")
    command = [str(Path(sys.executable).parent / "datalab-export"), "nb.ipynb", "--json"]
    began = time.perf_counter()
    run([*command, "--dry-run"], folder)
    found = Result(seconds=time.perf_counter() - began)
    began = time.perf_counter()
    done = run([*command, "--verify", "--to", "out"], folder)
    found.proof_seconds = time.perf_counter() - began
    try:
        document = json.loads(done.stdout)
    except ValueError:
        found.reason = done.stderr.strip().splitlines()[0][:120] if done.stderr.strip() else "?"
        return found
    found.stages = len(document["plan"]["stages"])
    found.proved = document["verification"]["status"] == "equal"
    found.runs = document["verification"]["status"] in ("equal", "not compared", "different")
    return found


def soorgeon(notebook: Path, folder: Path) -> Result:
    """Refactor, then build the pipeline with ploomber."""
    shutil.copy2(notebook, folder / "nb.ipynb")
    programs = OTHERS / "bin"
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    more = {"PATH": path, "PLOOMBER_STATS_ENABLED": "false", "MPLBACKEND": "agg"}
    began = time.perf_counter()
    done = run([str(programs / "soorgeon"), "refactor", "nb.ipynb"], folder, **more)
    found = Result(seconds=time.perf_counter() - began)
    if done.returncode or not (folder / "pipeline.yaml").exists():
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        said = [
            line for line in lines if line.startswith(("Looks like", "*", "Refactoring", "No "))
        ]
        reason = (said or lines or ["?"])[0]
        found.reason = re.sub(r"(/[^/\s:]+)+/", "", reason)[:120]  # no path of this machine
        return found
    found.stages = len(list((folder / "tasks").glob("*")))
    found.runs = run([str(programs / "ploomber"), "build"], folder, **more).returncode == 0
    return found


def install() -> None:
    """Install what is compared with."""
    if not (OTHERS / "bin" / "soorgeon").exists():
        venv.create(OTHERS, with_pip=True)
        pip = [str(OTHERS / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "--disable-pip-version-check", *WANTED], check=True)


def report(rows: list[tuple[str, Result, Result]]) -> str:
    """Return what goes between the page's marks."""
    lines = [
        f"{len(rows)} notebooks, {datetime.now(UTC):%d %B %Y}, on {os.cpu_count()} cores at nice "
        f"{os.nice(0)}.",
        "",
        "| | datalab-export | soorgeon |",
        "|---|---|---|",
    ]
    both = list(zip(*[(a, b) for _, a, b in rows], strict=True))

    def counted(name: str, value) -> str:  # type: ignore[no-untyped-def]
        return f"| {name} | {' | '.join(str(sum(map(value, one))) for one in both)} |"

    lines += [
        counted("exported", lambda one: one.stages > 0),
        counted("in two stages or more", lambda one: one.stages > 1),
        counted("runs", lambda one: one.runs),
        counted("proved", lambda one: one.proved),
    ]
    times = [sum(one.seconds for one in each) / len(each) for each in both]
    lines.append(f"| seconds to the plan, mean | {times[0]:.1f} | {times[1]:.1f} |")
    proof = sum(one.proof_seconds for one in both[0]) / len(rows)
    lines += [f"| seconds with the proof, mean | {proof:.1f} | – |", ""]
    lines += ["| notebook | ours: stages | proved | soorgeon: tasks | runs | what it says |"]
    lines += ["|---|---|---|---|---|---|"]
    for name, mine, other in rows:
        proved = "yes" if mine.proved else mine.reason or "no"
        runs = "yes" if other.runs else "no"
        reason = other.reason.replace("|", "/")
        lines.append(f"| {name} | {mine.stages} | {proved} | {other.stages} | {runs} | {reason} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Run everything; print it and renew the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only these notebooks; nothing is written then")
    given = parser.parse_args()
    install()
    rows = []
    for notebook in sorted(NOTEBOOKS.glob("*.ipynb")):
        if given.names and notebook.stem not in given.names:
            continue
        results = []
        for tool in (ours, soorgeon):
            with tempfile.TemporaryDirectory() as folder:
                results.append(tool(notebook, Path(folder)))
        print(notebook.stem, *results, flush=True)
        rows.append((notebook.stem, *results))
    page = report(rows)
    print(page)
    if not given.names:
        renew(REPORT, page)


if __name__ == "__main__":
    main()
