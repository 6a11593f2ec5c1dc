"""Values of classes that have no module: the functions of Cython, and so some of NumPy."""

import copyreg

from datalab_pipelines.carrying import kept
from datalab_pipelines.digests import digest
from datalab_pipelines.kinds import module_of
from datalab_pipelines.notebook import show
from datalab_pipelines.typed import type_of

Odd = type("Odd", (), {"__module__": property(lambda self: "somewhere")})
copyreg.pickle(Odd, lambda value: "odd")
odd = Odd()


def test_such_a_class_has_no_module():
    assert module_of(Odd) == ""
    assert module_of(dict) == "builtins"


def test_such_values_are_shown_compared_and_handed_on(capsys):
    assert digest(odd) == digest(Odd())
    assert type_of(odd) == ""
    show(odd)
    assert "Odd" in capsys.readouterr().out


def test_generators_are_compared_and_handed_on():
    import numpy

    one, other = numpy.random.default_rng(1), numpy.random.default_rng(1)
    assert digest(one) == digest(other)
    other.random()
    assert digest(one) != digest(other)
    assert kept("a", {"rng": one, "make": numpy.random.default_rng}, "rng", "make")
