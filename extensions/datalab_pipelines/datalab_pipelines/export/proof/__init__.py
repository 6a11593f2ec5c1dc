"""Whether a pipeline gives what its notebook gives."""
