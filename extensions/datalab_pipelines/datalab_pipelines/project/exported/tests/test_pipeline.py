"""The whole pipeline, on this machine; and the template is what the script generates."""

from pathlib import Path

from datalab_pipelines.compile import generate, to_yaml

from pipeline import main


def test_the_pipeline_runs(run):
    assert run.status == "succeeded", run.error


def test_the_template_is_up_to_date():
    template = Path(__file__).parents[1] / "template.yaml"
    assert template.read_text(encoding="utf-8") == to_yaml(generate(main)), (
        "run `python pipeline.py generate` and commit template.yaml"
    )
