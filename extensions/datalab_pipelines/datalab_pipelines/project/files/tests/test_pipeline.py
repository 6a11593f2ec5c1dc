"""The whole pipeline, on this machine; and the template is what the script generates."""

from pathlib import Path

from datalab_pipelines.compile import generate, to_yaml
from datalab_pipelines.run import run_pipeline

from pipeline import main


def test_a_good_model_is_deployed(tmp_path):
    done = run_pipeline(main, {"trees": 20, "threshold": 0.5}, folder=tmp_path)
    assert done.status == "succeeded", done.error
    assert done.value("evaluate") > 0.85
    assert done.value("deploy") == {"endpoint": "deploy"}


def test_a_bad_model_is_not(tmp_path):
    done = run_pipeline(main, {"trees": 20, "threshold": 1.01}, folder=tmp_path)
    assert done.value("reject").startswith("not deployed")


def test_the_template_is_up_to_date():
    template = Path(__file__).parents[1] / "template.yaml"
    assert template.read_text(encoding="utf-8") == to_yaml(generate(main)), (
        "run `python pipeline.py generate` and commit template.yaml"
    )
