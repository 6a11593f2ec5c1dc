"""What well-known calls do to the objects that they are given, and what type they give.

A call *changes* an object, *keeps* it (the result may hold it later), gives a *view* of it, or does
nothing to it. What is not listed here is taken to do everything at once.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files


@cache
def names(key: str) -> frozenset[str]:
    """Return the names that ``libraries.toml`` lists under ``key``."""
    text = files(__package__).joinpath("libraries.toml").read_text(encoding="utf-8")
    return frozenset(tomllib.loads(text)[key].split())


HARMLESS_ROOTS = names("harmless_roots")
ESTIMATOR_ROOTS = names("estimator_roots")
DRAWING_ROOTS = names("drawing_roots")
CHANGES_FIRST = names("changes_first")
VIEWS = frozenset(f"numpy.{one}" for one in names("views"))
ELEMENTS = names("elements")
# Classes of libraries that copy what they are made from.
COPIES = re.compile(
    r"(pandas|polars|geopandas)\.\w+$|numpy\.\w+$|numpy\.(linalg|random|fft|ma)\.\w+$|collections\.Counter$"
    r"|sklearn\.(metrics|model_selection\.(train_test_split|cross_\w+|\w+_curve))|sklearn\.datasets"
    r"|sklearn\.utils\.\w+$|scipy\.|copy\.deepcopy|math\.|json\.|re\.|datetime\.|matplotlib\."
    r"|seaborn\.|plotly\.|random\.|statistics\.|time\.|os\.|pathlib\.|string\.|pickle\.|joblib\.(dump|load)"
    r"|sklearn\.base\.clone|imblearn\.\w+\.\w+$|hashlib\.|requests\.|glob\.|textwrap\."
)
PURE_BUILTINS = names("pure_builtins")
SCALARS = names("scalars")
PURE_METHODS = names("pure_methods")
VIEW_METHODS = names("view_methods")
DICT_METHODS = frozenset(("get", "items", "keys", "values"))
DICTS = frozenset(
    ("dict", "collections.Counter", "collections.OrderedDict", "collections.defaultdict")
)
DICT_VIEWS = {
    "items": "collections.abc.ItemsView",
    "keys": "collections.abc.KeysView",
    "values": "collections.abc.ValuesView",
}
GROWS = frozenset(
    ("append", "add", "insert", "extend", "update", "setdefault", "push", "appendleft")
)
SHRINKS = frozenset(("pop", "popitem", "popleft", "remove", "discard", "clear", "sort", "reverse"))
TRAINING = re.compile(
    r"fit\w*|partial_fit|set_params|transform|predict\w*|score\w*|set_output|steps|train|evals_result"
)

FRAME, SERIES, ARRAY = "pandas.DataFrame", "pandas.Series", "numpy.ndarray"
COPIED = frozenset({FRAME, SERIES})  # pandas 3 copies on write
LOOKS_LATER = frozenset(
    ("to_numpy", "groupby", "rolling", "expanding", "resample", "ewm", "itertuples", "iterrows")
)
GENERATORS = frozenset({"numpy.random.Generator", "numpy.random.RandomState", "random.Random"})
FRAME_TO_FRAME = names("frame_to_frame")
FRAME_TO_SERIES = names("frame_to_series")
SERIES_TO_SERIES = names("series_to_series")
TYPES = {
    **{f"pandas.{name}": FRAME for name in names("frame_functions")},
    **{f"numpy.{name}": ARRAY for name in names("array_functions")},
    "pandas.Series": SERIES,
    "pandas.date_range": "pandas.DatetimeIndex",
    "pandas.concat": "",
    "sklearn.pipeline.make_pipeline": "sklearn.pipeline.Pipeline",
    "sklearn.compose.make_column_transformer": "sklearn.compose.ColumnTransformer",
    "len": "int",
    "int": "int",
    "float": "float",
    "str": "str",
    "bool": "bool",
    "list": "list",
    "sorted": "list",
    "dict": "dict",
    "set": "set",
    "tuple": "tuple",
    "os.path.join": "str",
    "os.getcwd": "str",
    "time.time": "float",
    "pathlib.Path": "pathlib.Path",
    "numpy.random.default_rng": "numpy.random.Generator",
    "sklearn.utils.check_random_state": "numpy.random.RandomState",
    "collections.Counter": "collections.Counter",
    "collections.defaultdict": "collections.defaultdict",
    "sklearn.metrics.accuracy_score": "float",
    "sklearn.metrics.confusion_matrix": ARRAY,
    "sklearn.metrics.classification_report": "str",
    "sklearn.metrics.r2_score": "float",
    "sklearn.metrics.mean_squared_error": "float",
    "sklearn.metrics.mean_absolute_error": "float",
    "sklearn.metrics.roc_auc_score": "float",
    "sklearn.metrics.f1_score": "float",
    "sklearn.metrics.precision_score": "float",
    "sklearn.metrics.recall_score": "float",
    "sklearn.model_selection.cross_val_score": ARRAY,
}
IMMUTABLE = frozenset({"int", "float", "str", "bool", "bytes", "complex", "None", "range"})


def type_of_call(name: str) -> str:
    """Return the type that calling ``name`` (dotted, resolved) gives, or nothing if unknown.

    A capitalised name is a class; its own name is its type.
    """
    if name in TYPES:
        return TYPES[name]
    last = name.rsplit(".", 1)[-1]
    if "." in name and last[:1].isupper() and not last.isupper():
        return name
    return ""


def type_of_method(receiver: str, method: str) -> str:
    """Return the type that a method of a value of type ``receiver`` gives, or nothing."""
    if receiver == FRAME:
        if method in FRAME_TO_FRAME:
            return FRAME
        if method in FRAME_TO_SERIES:
            return SERIES
        return {"to_numpy": ARRAY, "to_dict": "dict"}.get(method, "")
    if receiver == SERIES:
        if method in SERIES_TO_SERIES:
            return SERIES
        return {"to_numpy": ARRAY, "tolist": "list", "to_frame": FRAME, "nunique": "int"}.get(
            method, ""
        )
    if receiver == ARRAY:
        known = "reshape ravel flatten copy astype transpose cumsum round clip"
        return ARRAY if method in known.split() else {"tolist": "list"}.get(method, "")
    if receiver == "str":
        known = "lower upper strip replace join format title capitalize lstrip rstrip"
        return "str" if method in known.split() else {"split": "list"}.get(method, "")
    if receiver.split(".")[0] in ESTIMATOR_ROOTS:
        if method == "fit" and not receiver.startswith("statsmodels"):
            return receiver
        if method in ("predict_proba", "decision_function"):
            return ARRAY
    return ""
