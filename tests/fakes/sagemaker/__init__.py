"""A region of AWS for tests: SageMaker jobs that really run, and moto for the rest.

::

    async with FakeAws(tmp_path, moto=moto_url) as aws:
        os.environ.update(aws.environment())      # AWS_ENDPOINT_URL and keys
        aws.faults.append(Fault(throttled, "sagemaker", "CreateTrainingJob", times=2))
        aws.no_capacity.add("ml.g5.xlarge")
        …
        job = aws.training.jobs[name]
        job.interrupt()                           # spot capacity is reclaimed
        assert aws.broken == []

What it may answer is what SageMaker answers: requests and answers are validated against
botocore's service model; a job goes through Starting, Pending, Downloading, Training to Completed,
Failed or Stopped; its entry point runs as a real process with the container's layout below
``DATALAB_ML_PREFIX`` instead of ``/opt/ml``; a stop sends SIGTERM and later SIGKILL. It does not
check signatures and permissions: ``calls`` has who signed what, for a test that does.

It stands alone too: ``python -m fakes.sagemaker --help``.
"""

from .errors import (
    CAPACITY,
    ApiError,
    Fault,
    not_found,
    over_quota,
    server_error,
    throttled,
)
from .jobs import Job, Timing
from .server import ACCOUNT, REGION, Call, FakeAws, Principal

__all__ = [
    "ACCOUNT",
    "CAPACITY",
    "REGION",
    "ApiError",
    "Call",
    "FakeAws",
    "Fault",
    "Job",
    "Principal",
    "Timing",
    "not_found",
    "over_quota",
    "server_error",
    "throttled",
]
