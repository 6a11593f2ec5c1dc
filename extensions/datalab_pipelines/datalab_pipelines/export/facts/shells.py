"""Shell commands that only look: ``!ls data``, ``!head -n1 a.csv | wc -l``."""

from __future__ import annotations

import ast
import re

ANY = "*"
HARMLESS = re.compile(r"[12&]?>\s*/dev/null|2>&1")
UNSURE = re.compile(r"[>`$&{}]|<\(|\btee\b")  # it writes, or does what is not written out
BETWEEN_COMMANDS = re.compile(r"\|\||&&|[|;\n]")
SILENT = {
    *("echo", "printf", "pwd", "date", "which", "whoami", "uname", "hostname", "uptime", "sleep"),
    *("nproc", "lscpu", "free", "true", "nvidia-smi", "cd"),
}
READERS = {
    *("cat", "head", "tail", "wc", "grep", "egrep", "fgrep", "cut", "nl", "tr", "column", "sort"),
    *("diff", "cmp", "file", "stat", "md5sum", "sha256sum"),
}
LISTERS = {"ls", "tree", "du", "find"}
WRITING_OPTION = re.compile(r"-\w*o|--output|-delete|-exec|-ok|-fprint|-fls")


def read_by(call: ast.Call) -> set[str] | None:
    """Return the paths that a call of ``shell`` only reads, ``ANY`` if it may be any.

    Nothing (``None``) where it may do more than read.
    """
    command = call.args[0] if call.args else None
    if not isinstance(command, ast.Constant) or not isinstance(command.value, str):
        return None
    text = HARMLESS.sub(" ", command.value)
    if UNSURE.search(text.replace("&&", ";")):
        return None
    found: set[str] = set()
    for part in BETWEEN_COMMANDS.split(text):
        name, *words = re.split(r"[\s<]+", part.strip())
        if any(WRITING_OPTION.match(word) for word in words):
            return None
        if name in LISTERS or (name in SILENT and re.search(r"[*?\[]", part)):
            found.add(ANY)
        elif name in READERS:
            found |= {word.strip("'\"") for word in words if word and word[0] != "-"}
        elif name and name not in SILENT and not name.startswith("#"):
            return None
    return found
