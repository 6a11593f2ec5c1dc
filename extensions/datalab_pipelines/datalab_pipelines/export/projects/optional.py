"""Libraries that others import only when they are asked for something: ``df.style`` Jinja.

No distribution says that it needs them, so an environment without them fails in the middle of a
run.
"""

from __future__ import annotations

import re

# (what is imported, what is named in the code, what that imports in turn)
ASKED_FOR = [
    ("pandas", "style|Styler", ("jinja2",)),
    ("pandas", r"(read|to)_excel|Excel(File|Writer)", ("openpyxl", "xlrd", "xlsxwriter")),
    ("pandas", "read_html", ("lxml", "html5lib", "bs4")),
    ("pandas", "(read|to)_xml", ("lxml",)),
    ("pandas", "(read|to)_(parquet|feather|orc)|pyarrow", ("pyarrow",)),
    ("pandas", "(read|to)_hdf|HDFStore", ("tables",)),
    ("pandas", "to_markdown", ("tabulate",)),
    ("pandas", r"read_sql\w*|to_sql", ("sqlalchemy",)),
    ("pandas", "plot|plotting|hist|boxplot|background_gradient", ("matplotlib",)),
    ("pandas", "interpolate|corr|corrwith|kde|density|skew", ("scipy",)),
    ("pandas", "to_xarray", ("xarray",)),
    ("seaborn", r"\w*(kde|hist|dis|rel|pair|joint|violin)\w*|clustermap", ("scipy",)),
    ("seaborn", "regplot|lmplot|residplot|lowess|jointplot|pairplot", ("statsmodels", "scipy")),
    ("networkx", r"draw\w*", ("matplotlib", "numpy")),
    ("networkx", r"\w*(layout|matrix|array|pagerank|hits|spectr|centrality|closeness)\w*|draw\w*",
     ("numpy", "scipy")),
    ("networkx", r"\w*pandas\w*", ("pandas",)),
    ("sklearn", r"plot_\w+|\w+Display|from_(estimator|predictions)", ("matplotlib",)),
    ("sklearn", r"fetch_openml|as_frame|set_output|fetch_california_housing", ("pandas",)),
    ("sympy", r"plot\w*", ("matplotlib",)),
    ("sympy", "lambdify", ("numpy", "scipy")),
    ("statsmodels", r"\w*plot\w*|graphics", ("matplotlib",)),
    ("xgboost", r"plot_\w+|to_graphviz", ("matplotlib", "graphviz")),
    ("xgboost", r"XGB\w+", ("sklearn",)),
    ("lightgbm", r"plot_\w+|create_tree_digraph", ("matplotlib", "graphviz")),
    ("lightgbm", r"LGBM\w+", ("sklearn",)),
    ("plotly", "express|figure_factory", ("pandas", "numpy")),
    ("plotly", "show|iplot", ("nbformat",)),
    ("plotly", "write_image|to_image", ("kaleido",)),
    ("tqdm", "notebook|auto|tqdm_notebook", ("ipywidgets",)),
    ("joblib", "dump|load", ("numpy",)),
    ("bs4", "lxml", ("lxml",)),
    ("bs4", "html5lib", ("html5lib",)),
    ("imageio", r"\w*ffmpeg\w*|get_writer|mimsave|mimwrite", ("imageio_ffmpeg",)),
]  # fmt: skip


def asked_for(roots: set[str], texts: list[str]) -> set[str]:
    """Return the modules that ``texts``, which import ``roots``, ask these for."""
    words = {word for text in texts for word in re.findall(r"[A-Za-z_]\w*", text)}
    found: set[str] = set()
    for root, named, modules in ASKED_FOR:
        if root in roots and any(re.fullmatch(named, word) for word in words):
            found.update(modules)
    return found - roots
