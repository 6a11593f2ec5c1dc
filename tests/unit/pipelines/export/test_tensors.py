"""Plans of notebooks with TensorFlow and Keras, which need not be installed for that."""

import pytest
from exporting import planned, stages

SETUP = "import numpy as np\nimport tensorflow as tf\nfrom tensorflow import keras"
MODEL = "model = keras.Sequential([keras.layers.Dense(1)])\nmodel.compile(loss='mse')"
FIT = "model.fit(X, y)"
DATA = "X = np.arange(9.0).reshape(-1, 1)\ny = X[:, 0] * 2"
SEED = "tf.random.set_seed(42)"


def _parts(folder, *groups):
    return [one.cells for one in planned(folder, stages(*groups)).stages]


def _why(folder, *groups):
    plan = planned(folder, stages(*groups))
    return len(plan.stages), " ".join(one.message for one in plan.warnings)


def test_models_that_stay_in_their_sections_are_apart(tmp_path):
    again = (MODEL, FIT, "loss = model.evaluate(X, y)")
    plan = planned(tmp_path, stages((SETUP, DATA), again, again))
    assert len(plan.stages) == 3
    assert {name for one in plan.stages for port in one.inputs for name in port.variables} == {
        "X",
        "y",
        "random state",  # the names of layers go on
    }


LEAVE = {
    "a model": (MODEL, FIT),
    "a model in a list": (f"{MODEL}\nmodels = [model]\ndel model", "models[0].fit(X, y)"),
    "a model that a function makes": (
        f"def build():\n    {MODEL.replace(chr(10), '; ')}; return model\nmodel = build()",
        FIT,
    ),
    "a model of the notebook's own class": (
        "class M(keras.Model):\n    def call(self, x): return x\n"
        "class N(M):\n    pass\nmodel = N()",
        FIT,
    ),
    "a layer": ("layer = keras.layers.Dropout(0.5)", "a = layer(X, training=True)"),
    "a metric": ("metric = keras.metrics.Mean()", "metric.update_state(X)"),
    "an optimizer": ("opt = keras.optimizers.Adam()", "opt.apply([X])"),
    "a history, which knows its model": (f"{MODEL}\nh = {FIT}", "h.model.fit(X, y)"),
    "data that is read in order": (
        "data = tf.data.Dataset.range(9).shuffle(3)",
        "a = list(data)",
    ),
    "a model in an object": (
        "class Box:\n    pass\nbox = Box()\nbox.m = keras.Sequential()",
        "box.m.fit(X, y)",
    ),
    "a method of a model": (f"{MODEL}\ntrain = model.fit", "train(X, y)"),
}


@pytest.mark.parametrize("groups", LEAVE.values(), ids=LEAVE)
def test_what_no_file_keeps_whole_keeps_its_stages_together(tmp_path, groups):
    count, why = _why(tmp_path, (SETUP, DATA), *groups)
    assert count == 2
    assert "of TensorFlow or Keras, which no file keeps whole" in why


GO = {
    "what a model predicts": (f"{MODEL}\n{FIT}\np = model.predict(X)", "print(p)"),
    "the numbers of a training": (f"{MODEL}\nh = {FIT}.history", "print(h['loss'])"),
    "data of a library": ("(a, b), _t = keras.datasets.mnist.load_data()", "print(a.shape, b)"),
}


@pytest.mark.parametrize("groups", GO.values(), ids=GO)
def test_plain_data_goes_on(tmp_path, groups):
    assert len(_parts(tmp_path, (SETUP, DATA), *groups)) == 3


def test_draws_stay_with_the_seed_before_them(tmp_path):
    count, why = _why(
        tmp_path, (SETUP, SEED, "a = tf.random.normal([1]).numpy()"), "b = tf.random.normal([1])"
    )
    assert count == 1
    assert "follow the seed" in why


def test_a_section_that_sets_its_own_seed_is_apart(tmp_path):
    draw = "print(tf.random.normal([1]))"
    parts = _parts(tmp_path, (SETUP, SEED, draw), (f"{SEED}\n{draw}", draw), (SEED, draw))
    assert len(parts) == 3


@pytest.mark.parametrize(
    "second",
    [
        f"print(tf.random.normal([1]))\n{SEED}",
        f"if True:\n    {SEED}\nprint(tf.random.normal([1]))",
        "seeded()\nprint(tf.random.normal([1]))",
    ],
    ids=["after a draw", "perhaps", "in a function"],
)
def test_a_seed_that_does_not_come_first_or_surely_counts_with_the_one_before(tmp_path, second):
    function = f"def seeded():\n    {SEED}"
    groups = ((SETUP, function, SEED, "print(tf.random.normal([1]))"), second)
    assert len(_parts(tmp_path, *groups)) == 1


def test_a_function_that_seeds_ties_what_follows_it(tmp_path):
    groups = (
        (SETUP, f"def seeded():\n    {SEED}", "seeded()"),
        "print(tf.random.normal([1]))",
    )
    assert len(_parts(tmp_path, *groups)) == 1


def test_a_traced_function_stays_where_it_is_called_first(tmp_path):
    function = "@tf.function\ndef f(x):\n    print('tracing')\n    return x"
    count, why = _why(tmp_path, (SETUP, function, "print(f(1))"), "print(f(2))")
    assert count == 1
    assert "traces" in why


@pytest.mark.parametrize(
    "code",
    ["session = tf.compat.v1.Session()", "tf.compat.v1.disable_eager_execution()"],
)
def test_graphs_of_the_first_tensorflow_are_one_stage(tmp_path, code):
    count, why = _why(tmp_path, (SETUP, code, "a = [1]"), "a.append(tf.constant(1))\nprint(a)")
    assert count == 1
    assert "graph and sessions" in why


@pytest.mark.parametrize(
    ("first", "last", "count"),
    [
        ("b = [2]", "print(a, b)", 3),  # neither has anything to do with the graph
        ("b = [2]", "print(held)", 2),
        ("b = [2]", "print(mine(1))", 2),
        ("b = [tf.constant(2)]", "print(a, b)", 2),
        ("b = [tf.constant(2)]", "print(a, held)", 2),  # which begins a cell earlier
    ],
)
def test_what_does_not_touch_a_graph_is_apart(tmp_path, first, last, count):
    made = "def mine(x):\n    return tf.constant(x)\nheld = {}\n"
    graph = made + "session = tf.Session()\nheld['a'] = session.run(mine(1))"
    parts = _parts(tmp_path, (SETUP, "a = [1]", first), graph, last)
    assert len(parts) == count, parts


def test_an_older_keras_is_one_stage(tmp_path, monkeypatch):
    monkeypatch.setattr("datalab_pipelines.export.facts.tensors.version", lambda name: "2.15.0")
    count, why = _why(tmp_path, (SETUP, "a = [keras]\nprint(a)"), "print(a, 2)")
    assert count == 1
    assert "Keras 2" in why
