"""Reading a notebook, or saying in one sentence why it cannot be exported."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ..errors import ExportError
from ..model import Cell, Notebook
from .headings import BOLD, headings

LARGEST = 200 * 2**20
SECTION = re.compile(
    r"(\d+[.)]?\s*)?(set ?up|imports?|importing.*"
    r"|import (\w+ ){0,3}(packages|modules|dependencies|librar\w+).*"
    r"|introduction|overview|preparation|libraries|packages|dependencies|requirements|contents"
    r"|table of contents|load(ing)?( the)? data\w*|data loading|getting started)\s*[:.]?",
    re.IGNORECASE,
)
LARGEST_SOURCE = 5 * 2**20


def read(path: str | Path) -> Notebook:
    """Return the notebook at ``path``.

    Raises ``ExportError`` for what is not a Python 3 notebook of format 4 with code in it.
    """
    path = Path(path)
    document = _document(path)
    version = document.get("nbformat")
    if not isinstance(version, int) or not isinstance(document.get("cells", []), list):
        raise ExportError(f"{path.name} is JSON, but not a notebook: it has no nbformat and cells")
    if version != 4:
        raise ExportError(
            f"{path.name} is in notebook format {version}; the exporter reads format 4",
            hint="Open it in JupyterLab and save it, or run `jupyter nbconvert --to notebook "
            "--inplace` on it.",
        )
    _check_language(document, path.name)
    cells = [_cell(index, one, path.name) for index, one in enumerate(document.get("cells", []))]
    code = [cell for cell in cells if cell.kind == "code" and cell.source.strip()]
    if not code:
        raise ExportError(
            f"{path.name} has no code in it: {_what_is_there(cells)}",
            hint="A pipeline is made of code cells. If you see some in the editor, save the "
            "notebook.",
        )
    if sum(len(cell.source) for cell in code) > LARGEST_SOURCE:
        raise ExportError(
            f"{path.name} has more than {LARGEST_SOURCE >> 20} MB of code",
            hint="Move data that is written into cells to a file.",
        )
    return Notebook(path, cells, _title(cells, path), document)


def _what_is_there(cells: list[Cell]) -> str:
    kinds = [cell.kind for cell in cells if cell.source.strip()]
    if not kinds:
        return "all its cells are empty" if cells else "it has no cells"
    return (
        f"it has {' and '.join(f'{kinds.count(k)} {k}' for k in dict.fromkeys(kinds))} cells only"
    )


def _document(path: Path) -> dict[str, Any]:
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise ExportError(
                f"{path.name} has {size >> 20} MB; the largest that is exported has "
                f"{LARGEST >> 20} MB",
                hint="Clear its outputs (Edit → Clear Outputs of All Cells) and save it.",
            )
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ExportError(
            f"there is no notebook {path}", hint="Check the path; a new notebook is saved first."
        ) from None
    except IsADirectoryError:
        raise ExportError(f"{path} is a folder, not a notebook") from None
    except OSError as error:
        raise ExportError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ExportError(f"{path.name} is not a notebook: it is not text in UTF-8") from None
    except (ValueError, RecursionError) as error:
        if not size:
            raise ExportError(
                f"{path.name} is an empty file, and no notebook",
                hint="Open it in JupyterLab, which makes a notebook of it, and write code cells.",
            ) from None
        hint = "Was it saved whole, or merged?"
        raise ExportError(f"{path.name} is not valid JSON: {error}", hint=hint) from None
    if not isinstance(document, dict):
        raise ExportError(f"{path.name} is JSON, but not a notebook")
    return document


def _check_language(document: dict[str, Any], name: str) -> None:
    metadata = document.get("metadata") or {}
    kernel = metadata.get("kernelspec") or {}
    info = metadata.get("language_info") or {}
    language = str(info.get("name") or kernel.get("language") or "python").lower()
    if language not in ("python", "ipython", "python3"):
        shown = kernel.get("display_name") or info.get("name") or language
        raise ExportError(
            f"{name} is a notebook for {shown}; the exporter reads Python 3",
            hint="Pipelines of other languages are written by hand.",
        )
    version = str(info.get("version") or "")
    name_of_kernel = str(kernel.get("name") or "")
    # Beside another kernel's name the version is one that nobody renewed.
    stale = bool(name_of_kernel) and not name_of_kernel.startswith("python2")
    if (version.startswith("2.") and not stale) or name_of_kernel == "python2":
        raise ExportError(
            f"{name} is a notebook for Python {version or 2}; the exporter reads Python 3",
            hint="Open it with a Python 3 kernel, run it (2to3 helps) and save it.",
        )


def _cell(index: int, one: Any, name: str) -> Cell:
    if not isinstance(one, dict) or "cell_type" not in one:
        raise ExportError(f"{name} has a cell that is none", cell=index)
    source = one.get("source", "")
    if isinstance(source, list):
        source = "".join(str(line) for line in source)
    metadata = one.get("metadata") or {}
    tags = [str(tag) for tag in metadata.get("tags") or []]
    one.pop("outputs", None)  # they may be many megabytes, and nobody reads them
    text = str(source).replace("\r\n", "\n")
    count = one.get("execution_count")
    counted = count if isinstance(count, int) and not isinstance(count, bool) else None
    return Cell(index, str(one["cell_type"]), text, tags, counted)


def _title(cells: list[Cell], path: Path) -> str:
    bold = ""
    for cell in cells:
        if cell.kind == "markdown":
            found = headings(cell.source)
            title = next((text for level, text in found if level == 1), "")
            if title and not SECTION.fullmatch(title):
                return title
            if title:  # the first of several sections: the notebook itself has no title
                break
            if found and cell is cells[0] and found[0][0] == BOLD:
                bold = found[0][1]
    if bold and not SECTION.fullmatch(bold):
        return bold  # "**Chapter 4 – Training Models**" above "# Setup"
    return path.stem.replace("_", " ").replace("-", " ").strip() or "Notebook"
