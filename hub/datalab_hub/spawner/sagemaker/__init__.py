"""Workspaces as SageMaker training jobs. See ``docs/how-to/sagemaker.md``.

===============  ====================================================================
``settings``     what an operator can set
``platform``     what all workspaces share
``backend``      one workspace: the state machine of :class:`~.state.Step`
``job``          one job: what is written down, created, asked and removed for it
``inventory``    what this installation has on AWS, found by name and decided by tag
``aws``          boto3 off the event loop; "no" told from "nobody knows"
``watch``        one listing notices every crash and every interruption
``transport``    how the proxy reaches a job
``disks``        for which types it takes no KMS key
``request``      the ``CreateTrainingJob`` request
``describe``     what ``DescribeTrainingJob`` means
``failures``     what AWS says, in sentences
``names``        names and tags
===============  ====================================================================
"""

from .backend import SageMakerBackend
from .platform import SageMakerPlatform

__all__ = ["SageMakerBackend", "SageMakerPlatform"]
