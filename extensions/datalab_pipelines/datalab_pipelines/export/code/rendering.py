"""The texts of the modules that a plan becomes."""

from __future__ import annotations

from ..model import Plan
from ..plans.planning import in_one_piece
from .rendering_functions import FunctionsForm
from .rendering_variables import VariablesForm


def code_files(plan: Plan) -> dict[str, str]:
    """Return the modules of a plan, by their paths in the project.

    A plan whose stages turn out not to compile as functions (a name that is local in one place and
    global in another) is changed to the other form.
    """
    if not plan.whole and plan.form == "functions":
        found = _files(FunctionsForm(plan))
        try:
            for name, text in found.items():
                compile(text, name, "exec")
        except SyntaxError as error:
            plan.form_reason = f"its stages are no functions: {error.msg}"
            in_one_piece(plan)
        else:
            return found
    return _files(VariablesForm(plan))


def _files(form: FunctionsForm | VariablesForm) -> dict[str, str]:
    found = {"stages/__init__.py": '"""The stages of the pipeline."""\n'}
    for number, stage in enumerate(form.plan.stages):
        found[f"stages/{stage.name}.py"] = form.module_stage(stage, number)
    shared = form.module_shared()
    if shared:
        found["shared.py"] = shared
    found["pipeline.py"] = form.module_pipeline()
    return found
