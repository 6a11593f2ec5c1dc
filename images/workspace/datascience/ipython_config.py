"""What holds for every kernel of the image."""

import os

# jupysql reports its use to its makers unless told not to.
os.environ.setdefault("PLOOMBER_STATS_ENABLED", "false")
