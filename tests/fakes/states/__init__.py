"""A state machine that really runs, for tests: Amazon States Language over AWS's own HTTP APIs.

``deploy`` makes a stack in moto and reads the machine back; ``Interpreter`` executes it. Tasks call
SageMaker (``fakes.sagemaker``), S3 and the rest (moto) with boto3, Lambda functions run their
handler in a process, HTTP tasks are real requests. Written from https://states-language.net and
Step Functions' documentation; it knows JSONPath machines only, and refuses what it does not know.
"""

from .deploy import Deployed, deploy
from .interpreter import Execution, Interpreter, StatesError

__all__ = ["Deployed", "Execution", "Interpreter", "StatesError", "deploy"]
