"""What Keras 3 remembers for the whole process: names it gave to layers, and its own generator.

Read from ``keras.src.backend.common.global_state`` (Keras 3.0 to 3.15), which
``keras.utils.clear_session`` empties; Keras has no public way to read it. Layers draw their seeds
from Python's ``random``, which ``notebook.random_state`` has anyway.
"""

from __future__ import annotations

import sys
from typing import Any

NAMES = "object_name_uids"
GENERATOR = "global_seed_generator"
PLAIN = (NAMES, "global_random_seed", "interactive_logging", "traceback_filtering")


def keras_state() -> dict[str, Any] | None:
    """Return the state of Keras as plain data; nothing where Keras was not imported."""
    keras = sys.modules.get("keras")
    if keras is None:
        return None
    tracker = _module(keras)
    found: dict[str, Any] = {}
    for name in PLAIN:
        value = tracker.get_global_attribute(name)
        if value is not None:
            found[name] = dict(value) if name == NAMES else value
    generator = tracker.get_global_attribute(GENERATOR)
    if generator is not None:
        import numpy

        found[GENERATOR] = numpy.asarray(keras.ops.convert_to_numpy(generator.state)).tolist()
    return found


def restore_keras_state(state: dict[str, Any]) -> None:
    """Go on from what ``keras_state`` gave in another process."""
    import keras

    tracker = _module(keras)
    if GENERATOR in state:
        generator = keras.random.SeedGenerator(seed=0)
        generator.state.assign(state[GENERATOR])
        tracker.set_global_attribute(GENERATOR, generator)
    for name in PLAIN:
        if name in state:
            value = state[name]
            if name == NAMES:
                from collections import defaultdict

                value = defaultdict(int, value)
            tracker.set_global_attribute(name, value)


def _module(keras: Any) -> Any:
    """Return Keras' module for its state; raises ``RuntimeError`` for a Keras without it."""
    tracker = sys.modules.get("keras.src.backend.common.global_state")
    if tracker is None or not hasattr(tracker, "get_global_attribute"):
        raise RuntimeError(
            f"Keras {getattr(keras, '__version__', '')} keeps its state in an unknown way, and "
            "a pipeline from a notebook needs Keras 3: export the notebook where the older one "
            "is installed, and it becomes one stage"
        )
    return tracker
