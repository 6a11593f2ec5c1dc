"""What flows between cells, found by following the notebook without running it."""
