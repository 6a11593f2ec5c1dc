"""From a pipeline to CloudFormation: a state machine, its roles, and what surrounds it."""

from .template import generate
from .text import to_yaml

__all__ = ["generate", "to_yaml"]
