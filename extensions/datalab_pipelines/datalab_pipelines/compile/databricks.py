"""Stages on Databricks: submit a one-time run, poll it, say how it ended."""

from __future__ import annotations

from ..graph import StageNode
from ..settings import DatabricksJob
from .asl import Fragment, Json, State, intrinsic, join, one, path
from .tasks import Tasks, task_state

HTTP_BUSY: Json = {
    "ErrorEquals": ["States.Http.StatusCode.429", "States.Http.StatusCode.503"],
    "IntervalSeconds": 5,
    "MaxAttempts": 6,
    "BackoffRate": 2.0,
    "JitterStrategy": "FULL",
}


def databricks(tasks: Tasks, node: StageNode, compute: DatabricksJob) -> Fragment:
    """Return the states of a one-time run, as one unit."""
    arguments, environment = tasks.call(node)
    seconds = tasks.seconds(node)
    name = node.name
    task: Json = {"task_key": name}
    if isinstance(compute.cluster, str):
        task["existing_cluster_id"] = compute.cluster
    else:
        task["new_cluster"] = compute.cluster
    words = words_of(arguments, environment)
    if compute.notebook:
        task["notebook_task"] = {
            "notebook_path": compute.notebook,
            "base_parameters": {
                "datalab_arguments.$": "States.JsonToString($.databricks.arguments)"
            },
        }
    elif compute.wheel:
        task["python_wheel_task"] = {
            "package_name": compute.wheel,
            "entry_point": "datalab-stage",
            "parameters.$": "$.databricks.arguments",
        }
    else:
        task["spark_python_task"] = {
            "python_file": compute.python_file,
            "parameters.$": "$.databricks.arguments",
        }
    connection = {"Authentication": {"ConnectionArn": "${DatabricksConnection}"}}
    base = "https://${DatabricksHost}/api/2.1/jobs/runs"
    prepare = State("Pass", {"Parameters": {"arguments.$": words}, "ResultPath": "$.databricks"})
    submit = task_state(
        "http:invoke",
        {
            "ApiEndpoint": f"{base}/submit",
            "Method": "POST",
            **connection,
            "RequestBody": {
                "run_name.$": f"States.Format('{tasks.pipeline} {name} {{}}', $$.Execution.Name)",
                # Databricks takes at most 64 characters; a retry of this state after an answer
                # that was lost must not start the run twice.
                "idempotency_token.$": "$.databricks_token.value",
                "timeout_seconds": seconds,
                "tasks": [task],
            },
        },
        [HTTP_BUSY],
        {"run_id.$": "$.ResponseBody.run_id"},
        "$.databricks_run",
    )
    token = State(
        "Pass",
        {"Parameters": {"value.$": "States.UUID()"}, "ResultPath": "$.databricks_token"},
    )
    wait = State("Wait", {"Seconds": int(compute.poll.total_seconds())}, next=f"{name}: poll")
    poll = task_state(
        "http:invoke",
        {
            "ApiEndpoint": f"{base}/get",
            "Method": "GET",
            **connection,
            "QueryParameters": {"run_id.$": "States.JsonToString($.databricks_run.run_id)"},
        },
        [HTTP_BUSY],
        {"state.$": "$.ResponseBody.state", "page.$": "$.ResponseBody.run_page_url"},
        "$.databricks_poll",
    )
    poll.next = f"{name}: finished?"
    state = ("databricks_poll", "state")
    result, life = path(*state, "result_state"), path(*state, "life_cycle_state")
    finished = State(
        "Choice",
        {
            "Choices": [
                {
                    "And": [
                        {"Variable": result, "IsPresent": True},
                        {"Variable": result, "StringEquals": "SUCCESS"},
                    ],
                    "Next": f"{name}: done",
                },
                {
                    "Or": [
                        {"Variable": result, "IsPresent": True},
                        {"Variable": life, "StringEquals": "INTERNAL_ERROR"},
                        {"Variable": life, "StringEquals": "SKIPPED"},
                    ],
                    "Next": f"{name}: failed",
                },
            ],
            "Default": f"{name}: wait",
        },
    )
    failed = State(
        "Fail",
        {
            "Error": "DatabricksRunFailed",
            "CausePath": "States.Format('{} {}', $.databricks_poll.state.state_message, "
            "$.databricks_poll.page)",
        },
    )
    done = State("Pass", {"ResultPath": None, "Result": {}})
    loop = Fragment(
        f"{name}: wait",
        {
            f"{name}: wait": wait,
            f"{name}: poll": poll,
            f"{name}: finished?": finished,
            f"{name}: failed": failed,
            f"{name}: done": done,
        },
        [f"{name}: done"],
    )
    return tasks.unit(
        node,
        join(
            [
                one(f"{name}: token", token),
                one(f"{name}: arguments", prepare),
                one(f"{name}: submit", submit),
                loop,
            ]
        ),
    )


def words_of(arguments: list[str], environment: Json) -> str:
    """Return the intrinsic for the words of the command line, environment included."""
    words = ["'--store'", f"'{environment['DATALAB_STORE']}'", "'--run'", "$$.Execution.Name"]
    if "DATALAB_TURN.$" in environment:
        words += ["'--turn'", "$.turn"]
    skip = False
    for position, word in enumerate(arguments):
        if skip:
            skip = False
            continue
        if word == "--from":
            name, _, variable = arguments[position + 1].partition("=")
            late = environment[f"{variable}.$"]
            words += ["'--value'", f"States.Format({intrinsic(name)[:-1]}={{}}', {late})"]
            skip = True
        else:
            words.append(intrinsic(word))
    return f"States.Array({', '.join(words)})"
