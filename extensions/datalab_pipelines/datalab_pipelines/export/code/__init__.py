"""A plan as Python: modules that a reviewer likes to read."""
