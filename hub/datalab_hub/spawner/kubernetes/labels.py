"""Names and labels of what the hub makes in a cluster."""

from __future__ import annotations

from ..names import person_key

PREFIX = "datalab"
INSTANCE = f"{PREFIX}/instance"
"""Which installation it belongs to: two on one cluster never touch each other's objects."""
WORKSPACE = f"{PREFIX}/workspace"
"""The workspace's key; the home claims of a person do not have it."""
PERSON = f"{PREFIX}/person"
"""The person's key."""
ATTEMPT = f"{PREFIX}/attempt"
"""Annotation: which start made it, so that a start knows its own pod from an older one's."""
USER = f"{PREFIX}/user"
"""Annotation, for people: the name as JupyterHub has it."""
SERVER = f"{PREFIX}/server"
"""Annotation, for people: the workspace's name."""


def instance_selector(instance: str) -> str:
    """Return the label selector for everything of one installation."""
    return f"{INSTANCE}={instance}"


def labels_of(instance: str, user: str, key: str | None = None) -> dict[str, str]:
    """Return the labels of something of a person's, or of one of their workspaces'."""
    labels = {INSTANCE: instance, PERSON: person_key(user)}
    return labels | ({WORKSPACE: key} if key else {})


def annotations_of(user: str, server: str | None = None) -> dict[str, str]:
    """Return what says in plain words whose it is."""
    return {USER: user} | ({SERVER: server} if server is not None else {})
