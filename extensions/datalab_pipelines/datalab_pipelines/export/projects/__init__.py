"""A project around the code, and its way into git and to a review."""
