"""Where a stage can run: what the panel offers, and whether an expression means something."""

from __future__ import annotations

import ast
from typing import Any

from datalab_pipelines import settings
from datalab_pipelines.errors import DefinitionError

KINDS = ("Lambda", "SageMakerProcessing", "SageMakerTraining")

# Sizes that cover most notebooks; any other is written as in Python. No prices: AWS's differ by
# region and contract, and nothing in a workspace knows them.
PRESETS = (
    ("Lambda(memory=2048)", "Lambda · 2 GiB", "short steps, at most 15 minutes"),
    ("Lambda(memory=8192)", "Lambda · 8 GiB", "short steps, at most 15 minutes"),
    ('SageMakerProcessing(instance="ml.t3.medium")', "Processing · 2 CPU, 4 GiB", "ml.t3.medium"),
    ('SageMakerProcessing(instance="ml.m5.xlarge")', "Processing · 4 CPU, 16 GiB", "ml.m5.xlarge"),
    (
        'SageMakerProcessing(instance="ml.r5.4xlarge")',
        "Processing · 16 CPU, 128 GiB",
        "ml.r5.4xlarge",
    ),
    ('SageMakerTraining(instance="ml.c5.4xlarge")', "Training · 16 CPU, 32 GiB", "ml.c5.4xlarge"),
    ('SageMakerTraining(instance="ml.g5.xlarge")', "Training · 1 GPU (A10G)", "ml.g5.xlarge"),
)


def presets() -> list[dict[str, str]]:
    """Return what the panel offers; the first is the pipeline's default."""
    default = settings.SageMakerProcessing()
    first = {
        "value": "",
        "label": "Default",
        "detail": f"Like the rest of the pipeline: a processing job on {default.instance}",
    }
    return [
        first,
        *({"value": value, "label": label, "detail": more} for value, label, more in PRESETS),
    ]


def wrong(expression: str) -> str:
    """Return why ``expression`` is no compute of a stage; empty when it is.

    It becomes a line of the project, so it has to be a call of one of ``KINDS`` with plain values,
    and what it makes is checked as the pipeline will check it.
    """
    examples = "such as " + ", ".join(
        ("Lambda(memory=2048)", 'SageMakerProcessing(instance="ml.m5.xlarge")')
    )
    try:
        call = ast.parse(expression, mode="eval").body
    except (SyntaxError, ValueError):
        return f"Write a compute as in Python, {examples}."
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        return f"Write a compute as in Python, {examples}."
    if call.func.id not in KINDS:
        return f"{call.func.id} is not among {', '.join(KINDS)}."
    try:
        values: dict[str, Any] = {}
        for keyword in call.keywords:
            if keyword.arg is None:
                return "Name each setting; ** is not possible here."
            values[keyword.arg] = ast.literal_eval(keyword.value)
        positional = [ast.literal_eval(one) for one in call.args]
        getattr(settings, call.func.id)(*positional, **values)
    except DefinitionError as error:
        return str(error).replace("\n", " ")
    except TypeError as error:
        return str(error).replace(f"{call.func.id}.__init__()", call.func.id) + "."
    except ValueError:
        return "Settings have to be plain values: numbers, texts, True or False."
    return ""
