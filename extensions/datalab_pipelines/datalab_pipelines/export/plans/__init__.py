"""Which cells become which stage."""
