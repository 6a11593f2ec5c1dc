"""What libraries import only when they are asked for something is a requirement too."""

import pytest
from datalab_pipelines.export.projects import requirements
from datalab_pipelines.export.projects.optional import asked_for
from exporting import planned


@pytest.mark.parametrize(
    ("roots", "code", "modules"),
    [
        ({"pandas"}, "df.style.bar()", {"jinja2"}),
        ({"pandas"}, "df.styles", set()),
        ({"numpy"}, "a.style", set()),
        ({"pandas", "matplotlib"}, "df.plot()", set()),
        ({"pandas"}, "df.plot()", {"matplotlib"}),
        ({"networkx", "numpy"}, "nx.pagerank(G)", {"scipy"}),
        ({"bs4"}, "BeautifulSoup(text, 'lxml')", {"lxml"}),
    ],
)
def test_what_is_asked_for(roots, code, modules):
    assert asked_for(roots, [code]) == modules


def test_it_is_among_the_requirements_where_it_is_installed(tmp_path, monkeypatch):
    known = {"pandas": ["pandas"], "jinja2": ["Jinja2"]}
    monkeypatch.setattr(requirements.metadata, "packages_distributions", lambda: known)
    plan = planned(
        tmp_path, ["import pandas as pd\ndf = pd.DataFrame()\ndf.style\ndf.to_markdown()"]
    )
    direct = "\n".join(requirements.find(plan).direct).lower()
    assert "jinja2==" in direct
    assert "tabulate" not in direct
