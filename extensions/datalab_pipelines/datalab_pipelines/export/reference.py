"""The notebook as one plain process: cells one after the other, variables noted after each.

``python -m datalab_pipelines.export.reference`` reads ``.cells.json`` in the working directory and
writes ``.digests.json``.
"""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

from ..digests import digests
from ..notebook import capture_output, display, shell, shell_lines


def main() -> None:
    """Run the cells."""
    cells = json.loads(Path(".cells.json").read_text(encoding="utf-8"))
    sys.path.insert(0, str(Path.cwd()))
    target = Path(".digests.json").resolve()
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    helpers = {"shell": shell, "shell_lines": shell_lines, "display": display}
    helpers["capture_output"] = capture_output
    module.__dict__.update(helpers)
    found = {}
    for index, code in cells:
        exec(compile(code, f"cell {index + 1}", "exec"), module.__dict__)
        if pyplot := sys.modules.get("matplotlib.pyplot"):
            pyplot.close("all")
        own = {
            name: value
            for name, value in module.__dict__.items()
            if not (name in helpers and value is helpers[name])
        }
        found[str(index)] = digests(own)
    target.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
