"""What the exporter refuses, and why."""

from __future__ import annotations


class ExportError(Exception):
    """A notebook that cannot be exported; nothing was written.

    ``message`` says what is wrong, ``cell`` the index of the cell (from 0, None for the whole
    notebook), ``line`` the line in it (from 1), ``hint`` what to do next.
    """

    def __init__(
        self, message: str, *, cell: int | None = None, line: int | None = None, hint: str = ""
    ) -> None:
        self.message, self.cell, self.line, self.hint = message, cell, line, hint
        super().__init__(str(self))

    def __str__(self) -> str:
        where = "" if self.cell is None else f"cell {self.cell + 1}"
        if self.line is not None:
            where += f", line {self.line}"
        text = f"{where}: {self.message}" if where else self.message
        return f"{text}\n  {self.hint}" if self.hint else text

    def to_json(self) -> dict[str, object]:
        """Return the parts, for a dialog."""
        return {"message": self.message, "cell": self.cell, "line": self.line, "hint": self.hint}
