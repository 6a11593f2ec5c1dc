"""What is known of well-known libraries: what only reads, what gives something new, what changes.

Everything not listed counts as changing what it touches. A name missing here costs an extra
output or a stage that is merged; a name wrongly here could cost a right result, so only functions
whose documentation says so are listed.
"""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


IMMUTABLE = _words("int float str bool bytes none number tuple0 function class module")

BUILTINS_PURE = _words("""
    print len range int float complex str bool bytes abs round isinstance issubclass repr hash ord
    chr hex bin oct format callable list tuple set frozenset dict sorted min max sum zip enumerate
    map filter reversed any all pow divmod type slice iter getattr hasattr help super object
    bytearray memoryview staticmethod classmethod property display id ascii Exception ValueError
    TypeError KeyError IndexError RuntimeError NotImplementedError StopIteration AttributeError
    shell shell_lines AssertionError OSError FileNotFoundError ZeroDivisionError vars dir
""")
BUILTINS_NUMBER = _words("""
    len int float complex str bool bytes abs round isinstance issubclass repr hash ord chr hex bin
    oct format callable any all pow divmod range hasattr shell_lines ascii
""")
BUILTINS_ITERATOR = _words("iter zip map filter enumerate reversed")
WHOLE = _words("exec globals locals __import__ breakpoint")

# Libraries whose functions leave their arguments alone, but for CHANGERS.
LIBRARIES = _words("""
    numpy pandas sklearn scipy matplotlib seaborn math statistics itertools functools collections
    operator string re json os sys pathlib time datetime calendar random copy pprint textwrap
    statsmodels plotly bokeh altair tqdm warnings xgboost lightgbm catboost networkx nltk wordcloud
    mpl_toolkits pylab IPython requests urllib csv io glob shutil typing decimal fractions cmath
    missingno folium geopandas shapely imblearn yellowbrick eli5 shap mlxtend graphviz pydotplus
    PIL skimage sympy squarify joblib pickle hashlib base64 dataclasses enum logging platform
    tabulate polars pyarrow zipfile tarfile tempfile subprocess contextlib abc types inspect gc
    numbers bisect heapq unicodedata html locale uuid timeit traceback category_encoders
    cycler ipywidgets prettytable termcolor colorama cufflinks chart_studio
""")
CHANGERS = _words("""
    shuffle put place copyto fill_diagonal putmask put_along_axis heappush heappop heapify
    heapreplace heappushpop insort insort_left insort_right setattr delattr setitem delitem
    iadd imul iconcat dump move_to_end apply_ clear_session update_wrapper partial_fit tqdm_pandas
    register_buffer add_module seed_everything relabel_nodes at
""")
# Functions of libraries whose result shares memory with an argument.
VIEWS = _words("""
    asarray asanyarray ascontiguousarray reshape ravel transpose swapaxes moveaxis rollaxis squeeze
    expand_dims atleast_1d atleast_2d atleast_3d broadcast_to broadcast_arrays split array_split
    hsplit vsplit diagonal diag real imag frombuffer from_numpy as_tensor lib sliding_window_view
    as_strided Series DataFrame Index check_array check_X_y nan_to_num flip fliplr flipud rot90
    squeeze meshgrid column_or_1d
""")
# Functions of libraries whose result may hold its arguments (objects stay the same objects).
HOLDERS = _words("""
    make_pipeline make_column_transformer make_union partial chain cycle repeat islice tee copy
    replace asdict reduce cast choice choices sample nlargest nsmallest OrderedDict defaultdict
    deque Counter ChainMap clone_model count starmap groupby product permutations combinations
    cross_validate
""")
ITERTOOLS = _words(
    "chain cycle repeat islice tee count starmap groupby zip_longest accumulate "
    "takewhile dropwhile compress product permutations combinations"
)

METHODS_NUMBER = _words("""
    count index find rfind startswith endswith isdigit isalpha isupper islower isnumeric lower upper
    strip lstrip rstrip title capitalize replace_str format encode decode zfill ljust rjust center
    splitlines item nunique score is_file is_dir exists equals islower isspace isalnum swapcase
    casefold strftime isoformat total_seconds timestamp hexdigest bit_length memory_usage_total
""")
METHODS_FRESH = _words("""
    copy head tail describe mean median std var sum min max mode quantile corr cov dropna fillna
    drop drop_duplicates rename assign merge join groupby agg aggregate apply applymap map
    transform value_counts sort_values sort_index reset_index set_index isnull isna notnull notna
    astype cumsum cumprod diff pct_change rolling resample shift rank round abs clip between isin
    duplicated pivot pivot_table melt stack unstack explode nlargest nsmallest sample unique
    nunique tolist to_list to_dict to_frame idxmax idxmin argmax argmin argsort any all prod
    query eval select_dtypes replace where mask interpolate get_dummies add sub mul div mod
    floordiv pow dot cummax cummin to_string to_json to_csv to_html to_markdown to_excel to_parquet
    to_pickle to_numpy_copy first last size ngroup cumcount count nth predict predict_proba
    predict_log_proba decision_function score inverse_transform kneighbors get_params
    get_feature_names_out get_feature_names apply_model staged_predict staged_predict_proba
    score_samples mahalanobis evaluate summary plot hist boxplot scatter bar barh line area pie kde
    split rsplit partition join splitlines lower upper strip lstrip rstrip title replace format
    encode decode startswith endswith find count index zfill capitalize keys values items get
    union intersection difference symmetric_difference issubset issuperset isdisjoint most_common
    elements flatten nonzero searchsorted repeat tobytes conj ptp trace dumps info memory_usage
    equals corrwith skew kurt kurtosis sem mad ffill bfill asfreq tz_localize tz_convert
    strftime total_seconds day_name month_name normalize contains match extract extractall findall
    cat len get_group ewm expanding xs lookup filter str_cat combine_first truncate compare nsmallest
    get_support get_depth get_n_leaves cost_complexity_pruning_path get_n_splits radius_neighbors
    fittedvalues get_prediction conf_int cov_params get_forecast forecast params_ f_test t_test
    wald_test nodes edges degree neighbors exists is_file is_dir read_text read_bytes glob iterdir
    resolve absolute with_suffix with_name relative_to as_posix joinpath stat isoformat timestamp
    date time weekday isocalendar group groups groupdict pipe isdigit isalpha isnumeric sparse
    toarray todense isupper islower most_similar similarity rvs_frozen pdf cdf ppf sf logpdf
    explained_variance_ratio_ get_covariance get_precision named_steps_ draw_plot get_booster_dump
    swaplevel droplevel rename_axis set_axis add_prefix add_suffix iterrows itertuples
    argpartition bincount histogram_ to_period to_timestamp at_time between_time
    nbytes_ savefig
""") - _words("filter time date")
METHODS_VIEW = _words("""
    reshape ravel view squeeze swapaxes transpose diagonal to_numpy get_array numpy
    detach expand narrow permute unsqueeze T
""")
# Methods that give parts of what they are called on: the objects stay the same objects.
METHODS_PART = _words(
    "get values items keys iterrows itertuples get_group pop popitem setdefault "
    "elements partition groupby named_steps get_booster get_layer"
)
# Methods that change their object and leave their arguments alone (but may keep them).
METHODS_FIT = _words("""
    fit fit_transform fit_predict fit_resample partial_fit train compile append extend insert
    update setdefault pop popitem remove discard clear sort reverse appendleft popleft extendleft
    put add_node add_edge add_nodes_from add_edges_from set_params set_index_inplace push
    writerow writerows write writelines set_title set_xlabel set_ylabel legend imshow plot
    update_layout update_traces add_trace add_shape add_annotation transform build
""")
# `add` on a set changes it, on a Series it does not: unknown receivers count as changed.
METHODS_DOUBTFUL = _words("add update pop sort insert remove replace fill")

ATTRIBUTES_NUMBER = _words(
    "shape size ndim dtype dtypes __name__ __version__ name empty nbytes "
    "is_unique year month day hour minute second best_score_ n_features_in_"
)
ATTRIBUTES_VIEW = _words("T values flat real imag array data")

TYPES = {
    "pandas.read_csv": "DataFrame",
    "pandas.read_table": "DataFrame",
    "pandas.read_parquet": "DataFrame",
    "pandas.read_json": "DataFrame",
    "pandas.DataFrame": "DataFrame",
    "pandas.get_dummies": "DataFrame",
    "pandas.merge": "DataFrame",
    "pandas.crosstab": "DataFrame",
    "pandas.pivot_table": "DataFrame",
    "pandas.melt": "DataFrame",
    "pandas.Series": "Series",
    "pandas.date_range": "immutable",
    "numpy.random.default_rng": "rng",
    "numpy.random.RandomState": "rng",
    "numpy.random.Generator": "rng",
    "random.Random": "rng",
    "time.time": "number",
    "time.perf_counter": "number",
    "os.path.join": "str",
    "pathlib.Path": "immutable",
    "datetime.datetime.now": "immutable",
    "datetime.timedelta": "immutable",
    "datetime.date": "immutable",
    "datetime.datetime": "immutable",
    "pandas.Timestamp": "immutable",
    "pandas.to_timedelta": "immutable",
    "re.compile": "immutable",
    "string.ascii_lowercase": "str",
}
TYPES |= {
    f"numpy.{name}": "ndarray"
    for name in (
        *("array", "zeros", "ones", "empty", "full", "arange", "linspace", "logspace", "eye"),
        *("identity", "zeros_like", "ones_like", "concatenate", "hstack", "vstack", "column_stack"),
        *("random.rand", "random.randn", "random.randint", "random.normal", "random.uniform"),
        *("random.permutation", "random.choice", "tile", "repeat", "where", "unique", "sort"),
        *("dot", "matmul", "exp", "log", "sqrt", "abs", "cumsum", "diff", "loadtxt", "geomspace"),
    )
}
TYPES |= {
    f"sklearn.metrics.{name}": "number"
    for name in (
        *("accuracy_score", "mean_squared_error", "mean_absolute_error", "r2_score", "f1_score_"),
        *(
            "roc_auc_score",
            "log_loss",
            "silhouette_score",
            "adjusted_rand_score",
            "root_mean_squared_error",
        ),
    )
}
FRAME_METHODS = _words("""
    copy head tail dropna fillna drop drop_duplicates rename assign merge join sort_values
    sort_index reset_index set_index astype query select_dtypes replace round sample isnull isna
    describe nlargest nsmallest corr pivot_table explode
""")

# What cannot be stored: where it comes from, and what to call it.
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
    "threading.Lock": "a lock",
    "threading.Thread": "a thread",
    "multiprocessing.Pool": "a pool of processes",
    "concurrent.futures.ThreadPoolExecutor": "a pool of threads",
    "concurrent.futures.ProcessPoolExecutor": "a pool of processes",
    "subprocess.Popen": "a running process",
    "socket.socket": "a socket",
    "tempfile.TemporaryDirectory": "a temporary folder",
    "tempfile.NamedTemporaryFile": "a temporary file",
    "os.scandir": "an open folder",
    "glob.iglob": "an iterator",
    "pandas.ExcelWriter": "a writer to an open file",
    "pandas.HDFStore": "an open file",
    "requests.get_stream": "an open connection",
    "weakref.ref": "a weak reference",
    "matplotlib.pyplot.subplots": "a figure",
    "matplotlib.pyplot.figure": "a figure",
    "matplotlib.pyplot.gca": "axes of a figure",
    "matplotlib.pyplot.gcf": "a figure",
    "matplotlib.pyplot.axes": "axes of a figure",
    "matplotlib.pyplot.subplot": "axes of a figure",
}
UNSTORABLE_METHODS = {
    "cursor": "a database cursor",
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

SEEDS = {
    "random.seed", "numpy.random.seed", "torch.manual_seed", "tensorflow.random.set_seed",
    "tensorflow.set_random_seed", "keras.utils.set_random_seed", "torch.cuda.manual_seed_all",
    "tensorflow.keras.utils.set_random_seed", "random.setstate", "numpy.random.set_state",
    "torch.cuda.manual_seed", "lightning.seed_everything", "pytorch_lightning.seed_everything",
}  # fmt: skip
NEVER_DRAW = _words("""
    math statistics itertools functools collections operator string re json os sys pathlib time
    datetime calendar copy pprint textwrap matplotlib seaborn plotly tqdm warnings IPython csv io
    glob shutil typing decimal fractions cmath logging locale hashlib base64 dataclasses enum
    mpl_toolkits pickle sqlite3 zipfile urllib requests types inspect gc abc contextlib
""")
DRAW_METHODS = re.compile(
    r"^(sample|shuffle|rvs|fit\w*|train|resample|split|permutation|rand\w*|choice|choices|normal"
    r"|uniform|randint|partial_fit|cross_val\w*|generate\w*|bootstrap\w*|transform|run|simulate\w*"
    r"|step|explore|optimize|minimize)$"
)
BACKENDS = {"tensorflow", "keras", "jax"}  # whose random state cannot be handed on

# Calls that set something for the whole process, by the last part of their name.
SETTING_CALL = re.compile(
    r"^(set(_\w+)?|setrecursionlimit|setlocale|reset_option\w*|reset_defaults|use|register_\w+"
    r"|enable_\w+|disable_\w+|disable|init_notebook_mode|configure\w*|config\w*|filterwarnings"
    r"|simplefilter|basicConfig|rc|rc_file|rcdefaults|pandas|ignore_warnings|seterr|setLevel"
    r"|set_printoptions|set_option|set_theme|set_style|set_context|set_palette|insert|append|extend"
    r"|update|load_dotenv|go_offline|init_printing|switch_backend|captureWarnings"
    r"|resetwarnings|chdir|putenv|unsetenv|setdefault|setcheckinterval)$"
)
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
DISPLAY_ONLY = re.compile(
    r"^(matplotlib|seaborn|plotly|bokeh|altair|IPython|pandas\.(options\.(display|plotting)"
    r"|set_option|plotting)|cufflinks|holoviews|hvplot|tqdm|warnings|logging|missingno|ipywidgets)"
)
PLOTS = re.compile(
    r"^(matplotlib|seaborn|pylab|missingno|yellowbrick|shap|scikitplot|wordcloud"
    r"|mlxtend\.plotting|sklearn\.tree\.plot_tree|sklearn\.inspection|squarify"
    r"|statsmodels\.graphics|scipy\.cluster\.hierarchy\.dendrogram|pandas\.plotting"
    r"|sklearn\.metrics\..*Display|networkx\.draw\w*|skimage\.io)"
)
PLOT_METHODS = _words(
    "plot hist boxplot scatter bar barh pie kde imshow plot_importance plot_diagnostics "
    "plot_predict heatmap line area show"
)
WRITERS = re.compile(
    r"^(to_(csv|excel|parquet|pickle|json|hdf|feather|sql|stata)|savefig|save\w*|dump|write\w*"
    r"|makedirs|mkdir|rename|remove|unlink|rmtree|copy(file|tree|2)?|move|extractall|extract"
    r"|urlretrieve|imwrite|savetxt|savez\w*|touch|symlink|system|run|call|check_call|export\w*)$"
)
READERS = re.compile(
    r"^(read_\w+|load\w*|open|loadtxt|genfromtxt|fromfile|imread|listdir|glob|exists|isfile|isdir"
    r"|read\w*|walk|iterdir|scandir|from_file|fetch\w*|stat|getsize|is_file|is_dir)$"
)
