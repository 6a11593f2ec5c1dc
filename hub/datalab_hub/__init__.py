"""Datalab: what runs beside JupyterHub. Start reading at :func:`datalab_hub.config.configure`."""

__version__ = "0.1.0"
