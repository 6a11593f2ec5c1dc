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
# Programs that write below the folder in which they run, as far as their words do not lead out.
WRITERS = {
    *("wget", "curl", "unzip", "tar", "gunzip", "gzip", "bunzip2", "bzip2", "mkdir", "touch", "cp"),
    *("mv", "rm", "rmdir", "tee", "sed", "awk", "uniq", "split", "zip", "unxz", "7z", "[", "test"),
}
LEADS_OUT = re.compile(r"[`$&\\]|<\(|(^|[\s=:'\"<>]|\s-\w+)[/~]|\.\.")
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


def writes_here(call: ast.Call) -> bool:
    """Say whether what a call of ``shell`` writes surely lies below the folder it runs in."""
    command = call.args[0] if call.args else None
    if isinstance(command, ast.JoinedStr):  # ``wget {url}``: of an address, the last name counts
        parts = [one.value if isinstance(one, ast.Constant) else "x" for one in command.values]
        text = "".join(map(str, parts)) if all(map(_harmless, command.values)) else "~"
    elif isinstance(command, ast.Constant) and isinstance(command.value, str):
        text = command.value
    else:
        return False
    text = HARMLESS.sub(" ", text).replace("\\\n", " ")
    if LEADS_OUT.search(re.sub(r"(https?|ftp)://\S+", "x", text).replace("&&", ";")):
        return False
    for part in BETWEEN_COMMANDS.split(text):
        name, *_ = part.split() or ["#"]
        if name == "cd" and len(part.split()) < 2:
            return False
        known = name in SILENT | READERS | LISTERS | WRITERS
        if (not known and not name.startswith("#")) or re.search(r"-exec|-ok", part):
            return False
    return True


def _harmless(part: ast.expr) -> bool:
    """Say whether a piece of a command is written out, or a variable that is an address."""
    if isinstance(part, ast.Constant):
        return True
    value = part.value if isinstance(part, ast.FormattedValue) else part
    return isinstance(value, ast.Name) and bool(re.fullmatch(r"\w*(url|URL|link)\w*", value.id))
