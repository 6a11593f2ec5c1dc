"""How long a workspace has between being told to stop and being killed."""

STOP_GRACE = "DATALAB_STOP_GRACE"
"""Environment variable: seconds, where whoever starts the workspace knows."""
