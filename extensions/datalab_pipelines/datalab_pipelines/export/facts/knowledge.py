"""What is known of well-known libraries: what cannot be stored, what sets, reads and writes."""

from __future__ import annotations

import re

UNSTORABLE = {
    "open": "an open file",
    "io.open": "an open file",
    "gzip.open": "an open file",
    "codecs.open": "an open file",
    "sqlite3.connect": "a database connection",
    "psycopg2.connect": "a database connection",
    "duckdb.connect": "a database connection",
    "pymysql.connect": "a database connection",
    "sqlalchemy.create_engine": "a database engine",
    "csv.reader": "a reader of an open file",
    "csv.DictReader": "a reader of an open file",
    "csv.writer": "a writer to an open file",
    "csv.DictWriter": "a writer to an open file",
    "zipfile.ZipFile": "an open archive",
    "tarfile.open": "an open archive",
    "h5py.File": "an open file",
    "argparse.ArgumentParser": "a parser of arguments",
    "pandas.option_context": "options for a while",
    "numpy.errstate": "a setting for a while",
    "warnings.catch_warnings": "a setting for a while",
    "contextlib.ExitStack": "a stack of contexts",
    "threading.Lock": "a lock",
    "threading.RLock": "a lock",
    "threading.Event": "an event",
    "threading.local": "a thread's own memory",
    "queue.Queue": "a queue",
    "queue.LifoQueue": "a queue",
    "queue.PriorityQueue": "a queue",
    "asyncio.Queue": "a queue",
    "asyncio.new_event_loop": "an event loop",
    "asyncio.get_event_loop": "an event loop",
    "memoryview": "a view of memory",
    "shelve.open": "an open shelf",
    "itertools.tee": "iterators",
    "re.match": "a match",
    "re.search": "a match",
    "re.fullmatch": "a match",
    "threading.Thread": "a thread",
    "multiprocessing.Pool": "a pool of processes",
    "concurrent.futures.ThreadPoolExecutor": "a pool of threads",
    "concurrent.futures.ProcessPoolExecutor": "a pool of processes",
    "subprocess.Popen": "a running process",
    "socket.socket": "a socket",
    "tempfile.TemporaryDirectory": "a temporary folder",
    "tempfile.NamedTemporaryFile": "a temporary file",
    "tempfile.mkdtemp": "a temporary folder",
    "tempfile.mkstemp": "a temporary file",
    "os.scandir": "an open folder",
    "glob.iglob": "an iterator",
    "pandas.ExcelWriter": "a writer to an open file",
    "pandas.HDFStore": "an open file",
    "requests.get_stream": "an open connection",
    "weakref.ref": "a weak reference",
    "contextvars.ContextVar": "a variable of a context",
    "matplotlib.pyplot.subplots": "a figure",
    "matplotlib.pyplot.figure": "a figure",
    "matplotlib.pyplot.gca": "axes of a figure",
    "matplotlib.pyplot.gcf": "a figure",
    "matplotlib.pyplot.axes": "axes of a figure",
    "matplotlib.pyplot.subplot": "axes of a figure",
}
UNSTORABLE_METHODS = {
    "cursor": "a database cursor",
    "submit": "what a pool works on",
    "iterrows": "an iterator",
    "itertuples": "an iterator",
    "finditer": "an iterator",
    "scandir": "an open folder",
    "iterdir": "an iterator",
    "rglob": "an iterator",
    "imap": "an iterator",
    "add_subplot": "axes of a figure",
    "read_csv_chunks": "an iterator",
}
SETTING_ROOT = re.compile(
    r"^(pandas\.(options|set_option|set_eng_float_format|plotting\.register\w*|reset_option)"
    r"|numpy\.(set_printoptions|seterr)|matplotlib\.(rc|style|use|pyplot\.(rc|style|set_cmap"
    r"|switch_backend|ion|ioff))|seaborn\.(set|reset)|warnings\.|os\.(environ|chdir|putenv)"
    r"|sys\.(path|setrecursionlimit|stdout|stderr|argv)|logging\.|locale\.|sklearn\.set_config"
    r"|sklearn\.config|plotly\.(io|offline)|altair\.|torch\.set_|tensorflow\.(get_logger|config"
    r"|compat|keras\.backend|logging|autograph)|tqdm\.|decimal\.|sympy\.init_printing|nltk\.data"
    r"|IPython\.|cufflinks\.|missingno\.|bokeh\.|holoviews\.|hvplot\.|mpl_toolkits|keras\.backend"
    r"|statsmodels\.\w*\.?set|xgboost\.set_config|polars\.Config|polars\.cfg|dotenv\.|gc\."
    r"|socket\.setdefaulttimeout|ssl\.|matplotlib_inline\.|ipywidgets\.|lightgbm\.register_logger"
    r"|optuna\.logging|transformers\.logging|ee\.|jax\.config|pylab\.(rc|style))"
)
# What these do is done where they stand: they say something, look something up, or draw.
NOT_SETTING = re.compile(
    r"^(sys\.(std\w+|path|argv)\.(write\w*|flush|read\w*|isatty|index|count|getvalue)$|warnings\.warn"
    r"|logging\.(debug|info|warn\w*|error|critical|exception|log|getLogger)$|gc\."
    r"|os\.environ\.(get|keys|items|values|copy)$"
    r"|(IPython|tqdm|plotly|cufflinks|bokeh|altair|holoviews|hvplot|missingno|ipywidgets|ee"
    r"|mpl_toolkits)\.(?!.*(set_|\.set$|output_|enable|disable|extension|register|init|config|options"
    r"|defaults|default_|go_offline|opts|themes|renderers|transformers|pandas$|templates)))"
)
# Of these, what the call gives is shown where it ends a cell, and may be what was set before.
TELLING = re.compile(
    r"^(locale\.|numpy\.seterr|os\.environ\.|polars\.|altair\.|decimal\.|warnings\.catch|holoviews\."
    r"|bokeh\.|sys\.path\.pop|socket\.|ssl\.|sympy\.|plotly\.|ee\.|jax\.|matplotlib\.pyplot\.i(on|off)$)"
)
SETTER = re.compile(
    r"^(set|setup|init|configure|use|enable|disable|register|activate|apply)(_|$)(?!.*(seed|state))"
    r"|^set[A-Z]|_(style|theme|rc|params|defaults|options)$"
)
DISPLAY_ONLY = re.compile(
    r"^(matplotlib|seaborn|plotly|bokeh|altair|IPython|pandas\.(options\.(display|plotting)"
    r"|set_option|plotting)|cufflinks|holoviews|hvplot|tqdm|warnings|logging|missingno|ipywidgets)"
)
WRITERS = re.compile(
    r"^(to_(csv|excel|parquet|pickle|json|hdf|feather|sql|stata)|savefig|save\w*|dump|write\w*"
    r"|makedirs|mkdir|rename\w*|replace|link|remove|unlink|rmtree|copy(file|tree|2)?|move|extractall|extract"
    r"|urlretrieve|imwrite|savetxt|savez\w*|touch|symlink|system|run|call|check_call|export\w*)$"
)
READERS = re.compile(
    r"^(read_\w+|load\w*|open|loadtxt|genfromtxt|fromfile|imread|listdir|glob|exists|isfile|isdir"
    r"|read\w*|walk|iterdir|scandir|from_file|fetch\w*|stat|getsize|is_file|is_dir)$"
)
