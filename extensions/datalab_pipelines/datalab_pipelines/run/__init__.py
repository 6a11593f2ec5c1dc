"""The local runner: every stage in a process of its own, with the entry point that AWS uses."""

from .runner import Outcome, run_pipeline

__all__ = ["Outcome", "run_pipeline"]
