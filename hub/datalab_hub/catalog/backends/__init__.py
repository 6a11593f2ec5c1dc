"""One file per backend: its part of a profile in the catalog."""

from .kubernetes import KubernetesOptions
from .local import LocalOptions
from .sagemaker import SageMakerOptions

__all__ = ["KubernetesOptions", "LocalOptions", "SageMakerOptions"]
