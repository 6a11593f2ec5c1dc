"""``python -m datalab_pipelines.stage``: what ``entry.main`` does.

Only a command: imported, it would take the place of the decorator ``datalab_pipelines.stage``.
"""

import sys

if __name__ != "__main__":
    raise ImportError(
        "datalab_pipelines.stage is a command; the decorator is `from datalab_pipelines import "
        "stage`, the entry point's functions are in datalab_pipelines.entry"
    )

from datalab_pipelines.entry import main

sys.exit(main())
