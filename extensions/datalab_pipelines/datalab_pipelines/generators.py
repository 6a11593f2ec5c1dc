"""The global random generators stay what they are when something that draws from them is stored.

A frozen distribution of SciPy draws from NumPy's global generator. Stored by value it would bring a
copy into the next process, which nobody seeds and whose draws leave the global one where it was.
"""

from __future__ import annotations

import copyreg
import random
import sys
from typing import Any


def keep_global() -> None:
    """Let pickles refer to the global generators of ``random`` and NumPy by name."""
    copyreg.pickle(random.Random, _plain)
    if numpy_random := sys.modules.get("numpy.random"):
        copyreg.pickle(numpy_random.RandomState, _numpy)


def _of_random() -> random.Random:
    return random._inst


def _of_numpy() -> Any:
    import numpy.random

    return numpy.random.mtrand._rand


def _plain(generator: random.Random) -> Any:
    return (_of_random, ()) if generator is _of_random() else generator.__reduce__()


def _numpy(generator: Any) -> Any:
    return (_of_numpy, ()) if generator is _of_numpy() else generator.__reduce__()
