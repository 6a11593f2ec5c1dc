"""An export in words: the commit's message, and the text of a pull request."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from ..model import Plan
from ..proof.comparing import VARIES
from ..proof.verifying import Verification

WIDTH = 72
MOST = 8
BEGIN, END = "<!-- datalab-export: begin -->", "<!-- datalab-export: end -->"


def commit_message(
    plan: Plan, verification: Verification | None, first: str, edited: Sequence[str]
) -> str:
    """Return the message; ``first`` is a person's own first line, ``edited`` what they changed."""
    from ... import __version__

    notebook = plan.analysis.notebook.path.name
    parts = [
        " ".join(first.split()) or _short(f"Export {notebook} as the pipeline {plan.name}"),
        "\n".join(_item(f"{one.name}: {_cells(one.cells)}") for one in plan.stages),
        _wrapped(" ".join(proof(verification))),
    ]
    if plan.parameters:
        given = ", ".join(f"{one.name} = {one.default!r}" for one in plan.parameters)
        parts.append(_wrapped(f"Parameters: {given}."))
    if plan.warnings:
        parts.append("\n".join(_item(one.message) for one in plan.warnings))
    if edited:
        kept = f"Kept the changes made in {', '.join(edited)}."
        if verification is not None:
            kept += " What was verified is the export without them."
        parts.append(_wrapped(kept))
    parts.append(f"Exported-By: datalab-export {__version__}")
    return "\n\n".join(parts) + "\n"


def proof(verification: Verification | None) -> list[str]:
    """Return sentences about what was compared, and how that ended."""
    if verification is None:
        return ["Not verified: notebook and pipeline were not run."]
    if verification.status == "equal":
        shown = verification.outputs_equal
        found = [
            "Verified: the notebook ran twice and the pipeline once, in clean processes; "
            f"{_count(len(verification.equal), 'variable')} equal at the end"
            + (f", and what {_show(shown)} is the same." if shown else ".")
        ]
    elif verification.status == "unfinished":
        found = [
            f"NOT VERIFIED: {verification.error}. What was written is the plan, unproved. Give it "
            "more time (--timeout SECONDS), or verify a copy of the notebook with less data."
        ]
    elif verification.status == "not compared":
        found = ["Verified only that the pipeline runs; nothing was compared."]
    else:
        found = [f"THE PIPELINE IS NOT THE NOTEBOOK: {_different(verification)}."]
    unknown = {**verification.not_comparable}
    unknown |= {
        f"the output of cell {cell}": why
        for cell, why in verification.outputs_not_comparable.items()
    }
    if verification.status == "different" and any(VARIES in why for why in unknown.values()):
        found.append(
            f"Other results change {VARIES} in the notebook itself, so this may be chance: "
            "set seeds (random_state=0, np.random.seed(0)), and export again."
        )
    if unknown:
        reasons: dict[str, list[str]] = {}
        for what, why in list(unknown.items())[:MOST]:
            reasons.setdefault(why, []).append(what)
        said = [f"{', '.join(them)} ({why})" for why, them in reasons.items()]
        said += [f"and {len(unknown) - MOST} more"] if len(unknown) > MOST else []
        found.append(f"Not comparable: {'; '.join(said)}.")
    return found


def _count(number: int, what: str) -> str:
    return f"{number} {what} is" if number == 1 else f"{number} {what}s are"


def _show(cells: int) -> str:
    return "1 cell shows" if cells == 1 else f"{cells} cells show"


def _different(verification: Verification) -> str:
    if verification.error:
        return verification.error.rstrip(".")
    found = [f"{name} (after {stage})" for name, stage in verification.different.items()]
    found += [f"{stage} shows {what}" for stage, what in verification.shown_differently.items()]
    return "; ".join(found)


def pull_request_text(plan: Plan, verification: Verification | None) -> str:
    """Return the part of a pull request's text that is ours, in Markdown between two marks."""
    rows = [f"| `{one.name}` | {_cells(one.cells)} |" for one in plan.stages]
    lines = [
        BEGIN,
        f"The notebook `{plan.analysis.notebook.path.name}` as a pipeline.",
        "",
        *(f"**{one}**" if one.startswith("THE ") else one for one in proof(verification)),
        "",
        "| Stage | Cells |",
        "|---|---|",
        *rows,
    ]
    if plan.warnings:
        lines += ["", "**What to know**", "", *(f"- {one.message}" for one in plan.warnings)]
    lines += ["", "To review: the functions in `stages/`; `template.yaml` is generated.", END]
    return "\n".join(lines)


def _cells(cells: Sequence[int]) -> str:
    first, last = cells[0] + 1, cells[-1] + 1
    return f"cells {first} to {last}" if first != last else f"cell {first}"


def _short(text: str) -> str:
    return textwrap.shorten(text, WIDTH, placeholder="…") if " " in text else text[:WIDTH]


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _item(text: str) -> str:
    return textwrap.fill(
        " ".join(text.split()),
        WIDTH,
        initial_indent="- ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
