"""Exports in git: found, merged, committed and pushed beside a person's own work."""
