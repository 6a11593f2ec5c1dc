"""What is known of each cell: what it does, what it needs, what speaks against an export."""
