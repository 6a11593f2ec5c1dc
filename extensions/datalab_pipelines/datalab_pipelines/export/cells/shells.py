"""Commands of the shell in a cell: calls of helpers, and what is installed as requirements."""

from __future__ import annotations

import ast
import re
import shlex

from ..model import CodeCell

INSTALL = re.compile(r"^\s*(?:python3?\s+-m\s+)?(?:pip3?|conda|mamba|uv\s+pip)\s+install\b(.*)$")


def shell_call(command: str, method: str, found: CodeCell) -> str:
    """Return the Python of ``!command``, or with ``getoutput`` of ``x = !command``."""
    install = INSTALL.match(command)
    if install:
        skipped = {"install"}
        found.installs += [
            word
            for word in shlex.split(install[1], comments=True)
            if not word.startswith(("-", "git+", ".", "/", "http")) and word not in skipped
        ]
        return "" if method == "system" else "[]"
    if (
        re.match(r"\s*(pip3?|conda|apt|apt-get|nvidia-smi|jupyter)\b", command)
        and method == "system"
    ):
        return ""
    helper = "shell" if method == "system" else "shell_lines"
    found.helpers.add(helper)
    return f"{helper}({expanded(command)})"


def expanded(command: str) -> str:
    """Return the command as a Python string; ``{x}`` and ``$x`` filled in as IPython does it."""
    names = re.compile(r"\$\$|\$([A-Za-z_]\w*)|\{([^{}]+)\}")
    if not any(match[1] or match[2] for match in names.finditer(command)):
        return repr(command.replace("$$", "$"))
    parts, last = [], 0
    for match in names.finditer(command):
        parts.append(_braces(command[last : match.start()]))
        last = match.end()
        expression = match[1] or match[2]
        if expression is None:
            parts.append("$")
        elif match[1] and match[1].isupper():
            parts.append(f"${match[1]}")  # the environment's, by custom
        else:
            parts.append("{" + expression + "}")
    parts.append(_braces(command[last:]))
    text = "".join(parts)
    for quote in ('"""', "'''"):
        candidate = f"f{quote}{text}{quote}"
        try:
            ast.parse(candidate)
        except SyntaxError:
            continue
        if not text.endswith(quote[0]) and "\\" not in text:
            return candidate
    return repr(command)


def _braces(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
