"""``python -m imaging``."""

from .commands import main

main()
