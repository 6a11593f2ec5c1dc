"""Stages are functions: call them."""

import pandas as pd

from stages import deploy, evaluate, load, reject, split, train


def test_the_parts_share_no_row():
    data = load()
    parts = split(data, seed=1)
    assert len(parts.train) + len(parts.test) == len(data)
    assert not set(parts.train.index) & set(parts.test.index)


def test_a_model_learns_and_answers():
    parts = split(load(), seed=1)
    model = train(parts.train, trees=20, seed=1)
    assert evaluate(model, parts.test) > 0.85
    row = parts.test.drop(columns="target").iloc[0].tolist()
    assert deploy(model)({"rows": [row]})["predicted"] in ([0], [1])


def test_a_rejection_says_why():
    assert "below 0.9" in reject(0.5, 0.9)
    assert isinstance(load(), pd.DataFrame)
