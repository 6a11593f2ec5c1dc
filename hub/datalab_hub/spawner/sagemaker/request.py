"""The ``CreateTrainingJob`` request: a pure function of profile and settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...catalog import Profile
from .disks import has_own_disks
from .names import as_list, secret_name

HOME_CHANNEL = "home"
HOME = f"/opt/ml/input/data/{HOME_CHANNEL}"
LONGEST_RUN = 28 * 24 * 3600  # seconds; SageMaker's own limit
# The culler stops the workspace at its `max_runtime`, warned and in order. SageMaker's limit is
# for the case that nobody does.
_MARGIN = 15 * 60
# A spot job may wait this long for a machine beside the time that it runs.
_SPOT_WAIT = 60 * 60


@dataclass(frozen=True)
class Place:
    """Where an installation's jobs run.

    Attributes:
        subnets, security_groups: of the VPC in which the hub reaches the jobs.
        file_system: EFS with the homes; ``None``: homes last as long as the job.
        output: S3 URI that SageMaker insists on; a workspace writes nothing there.
    """

    role: str
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    file_system: str | None
    output: str
    kms_key: str | None = None


def training_job(
    *,
    job: str,
    profile: Profile,
    image: str,
    place: Place,
    entrypoint: list[str],
    home_directory: str,
    max_runtime: int,
    patience: float,
    region: str,
    tags: dict[str, str],
    chain_session_tags: bool,
) -> dict[str, Any]:
    """Return the request. Nothing in it is secret: ``DescribeTrainingJob`` shows it.

    Args:
        entrypoint: what the container runs; gets the name of the secret as its last argument.
        home_directory: the person's directory on the file system.
        max_runtime: seconds after which the workspace is stopped.
        patience: seconds that the workspace waits for its assignment and for the hub.
    """
    options = profile.sagemaker
    assert options is not None, f"profile {profile.name} has no sagemaker block"
    longest = min(LONGEST_RUN, max_runtime + _MARGIN)
    request: dict[str, Any] = {
        "TrainingJobName": job,
        "RoleArn": options.role_arn or place.role,
        "AlgorithmSpecification": {
            "TrainingImage": image,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": [*entrypoint, secret_name(job)],
        },
        "ResourceConfig": _resources(profile, place),
        "OutputDataConfig": {"S3OutputPath": place.output},
        "StoppingCondition": {"MaxRuntimeInSeconds": longest},
        "EnableNetworkIsolation": False,  # it could not reach its secret, the hub, the data
        "Environment": {
            "AWS_DEFAULT_REGION": region,
            "DATALAB_PATIENCE": str(int(patience)),
        },
        "Tags": as_list(tags),
    }
    if place.subnets:
        request["VpcConfig"] = {
            "Subnets": list(place.subnets),
            "SecurityGroupIds": list(place.security_groups),
        }
    if place.file_system is not None:
        request["InputDataConfig"] = [
            {
                "ChannelName": HOME_CHANNEL,
                "DataSource": {
                    "FileSystemDataSource": {
                        "FileSystemId": place.file_system,
                        "FileSystemType": "EFS",
                        "FileSystemAccessMode": "rw",
                        "DirectoryPath": home_directory,
                    }
                },
            }
        ]
    if options.spot:
        request["EnableManagedSpotTraining"] = True
        wait = min(LONGEST_RUN, longest + _SPOT_WAIT)
        request["StoppingCondition"]["MaxWaitTimeInSeconds"] = wait
    if chain_session_tags:
        request["SessionChainingConfig"] = {"EnableSessionTagChaining": True}
    return request


def instance_types(profile: Profile) -> list[str]:
    """Return the types that a profile may run on, the preferred one first."""
    assert profile.sagemaker is not None, f"profile {profile.name} has no sagemaker block"
    return [profile.sagemaker.instance_type, *profile.sagemaker.fallbacks]


def _resources(profile: Profile, place: Place) -> dict[str, Any]:
    options = profile.sagemaker
    assert options is not None
    resources: dict[str, Any] = {"VolumeSizeInGB": options.volume_size_gb}
    if options.fallbacks:
        resources["InstancePreferences"] = [
            {"InstanceType": kind, "InstanceCount": 1} for kind in instance_types(profile)
        ]
    else:
        resources |= {"InstanceType": options.instance_type, "InstanceCount": 1}
    if options.keep_alive:
        resources["KeepAlivePeriodInSeconds"] = options.keep_alive
    if place.kms_key and not any(map(has_own_disks, instance_types(profile))):
        resources["VolumeKmsKeyId"] = place.kms_key
    return resources
