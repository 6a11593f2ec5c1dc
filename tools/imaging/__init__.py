"""Builds, locks, describes and checks the images of ``images/``; called by ``tools/images``."""
