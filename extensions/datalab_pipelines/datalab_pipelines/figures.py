"""A Matplotlib backend for stages: ``plt.show()`` keeps every open figure as a file of the run.

Like the inline backend of a notebook it then closes them, so that the next plot begins anew.
``matplotlib.use("module://datalab_pipelines.figures")`` switches it on.
"""

from __future__ import annotations

import traceback
from typing import Any

import matplotlib
from matplotlib import _pylab_helpers
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg

from .artifacts import report
from .outputs import note_figure


class FigureManager(FigureManagerBase):
    """Keeps its figure when it is shown."""

    def show(self) -> None:
        """Do nothing: the figure is kept by ``show()`` of the module."""


class FigureCanvas(FigureCanvasAgg):
    """Draws into memory."""

    manager_class: Any = FigureManager


def show(*args: object, **kwargs: object) -> None:
    """Report every open figure, in the order of their numbers, and close them."""
    import matplotlib.pyplot as plt

    for manager in _pylab_helpers.Gcf.get_all_fig_managers():
        figure = manager.canvas.figure
        if figure.axes or figure.lines or figure.images:
            note_figure(figure)
            try:
                report(_Quiet(figure), _name(figure))
            except Exception:  # noqa: BLE001 - a notebook says so too, and goes on (flush_figures)
                traceback.print_exc()
    with matplotlib.rc_context():
        plt.close("all")


class _Quiet:
    """A figure whose drawing is allowed to fail no differently than in a notebook."""

    def __init__(self, figure: Any) -> None:
        self.figure = figure

    def savefig(self, *args: Any, **kwargs: Any) -> None:
        self.figure.savefig(*args, **kwargs)

    def __str__(self) -> str:
        return str(self.figure)


def _name(figure: Any) -> str:
    for axes in figure.axes:
        if axes.get_title():
            return str(axes.get_title())[:40]
    return "figure"
