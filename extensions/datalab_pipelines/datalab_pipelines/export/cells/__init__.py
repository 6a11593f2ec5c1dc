"""A notebook's cells: read, turned into plain Python, and the names in it."""
