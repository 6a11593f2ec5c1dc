"""Every mistake a person can make, with the place in their script.

All errors derive from ``PipelineError``; its text is made to be read alone: what is wrong, where
(file and line, stage), and what to do next. ``str(error)`` is that whole text.
"""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path

# Frames that are not the person's: ours, and what calls us on their line (a dataclass's generated
# __init__ is compiled from "<string>").
_NOT_THEIRS = (str(Path(__file__).parent), contextlib.__file__, "<string>")


@dataclass(frozen=True)
class Place:
    """A line of the person's script."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    @classmethod
    def here(cls) -> Place:
        """Return the innermost line on the call stack that is the person's own."""
        frame = sys._getframe(1)
        while frame.f_back and frame.f_code.co_filename.startswith(_NOT_THEIRS):
            frame = frame.f_back
        return cls(frame.f_code.co_filename, frame.f_lineno)


class PipelineError(Exception):
    """What is wrong with a pipeline.

    ``message`` says what is wrong, ``hint`` what to do next, ``place`` where in the script.
    """

    def __init__(self, message: str, *, hint: str = "", place: Place | None = None) -> None:
        self.message = message
        self.hint = hint
        self.place = place if place is not None else Place.here()
        super().__init__(str(self))

    def __str__(self) -> str:
        text = f"{self.place}: {self.message}"
        return f"{text}\n  {self.hint}" if self.hint else text


class DefinitionError(PipelineError):
    """A stage or a pipeline is declared in a way that cannot work."""


class WiringError(PipelineError):
    """Something is connected to something that it does not fit."""


class FlowError(PipelineError):
    """A branch, a loop or an order is used in a way that cannot work."""


class ParameterError(PipelineError):
    """A pipeline parameter is unknown, missing, or not what its type says."""


class LimitError(PipelineError):
    """A limit of CloudFormation, Step Functions or SageMaker would be exceeded."""


class ArtifactError(PipelineError):
    """A value cannot be stored, or a stored one cannot be read here."""


class StageFailed(PipelineError):
    """A stage raised; the message names it, the cause and its log."""
