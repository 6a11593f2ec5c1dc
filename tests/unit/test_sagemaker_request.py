"""What goes into ``CreateTrainingJob``, held against the model and what the API reference says."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from datalab_hub.catalog import Profile
from datalab_hub.catalog.backends.sagemaker import SageMakerOptions
from datalab_hub.spawner.sagemaker import SageMakerPlatform
from datalab_hub.spawner.sagemaker.disks import has_own_disks
from datalab_hub.spawner.sagemaker.request import Place, training_job
from fakes.sagemaker import model
from fakes.sagemaker.training import cross_problems
from pydantic import ValidationError
from sagemaker_site import FILE_SYSTEM, IMAGE, ROLE, SETTINGS, make_site, profile

MONTH = 28 * 24 * 3600


def request(options: dict[str, Any], kms_key: str | None = None, **changes: Any) -> dict[str, Any]:
    return training_job(
        **{
            "job": "dl-a",
            "profile": profile(sagemaker=options),
            "image": IMAGE.reference,
            "place": Place(
                ROLE, ("subnet-0123",), ("sg-0123",), FILE_SYSTEM, "s3://unused/", kms_key
            ),
            "entrypoint": ["datalab-workspace", "--assignment"],
            "home_directory": "/homes/ann",
            "max_runtime": 3600,
            "patience": 600.0,
            "region": "eu-central-1",
            "tags": {"datalab:user": "ann"},
            "chain_session_tags": True,
        }
        | changes
    )


def disks_key(*types: str) -> str | None:
    first, *others = types
    made = request({"instance_type": first, "fallbacks": others}, kms_key="key")
    key: str | None = made["ResourceConfig"].get("VolumeKmsKeyId")
    return key


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"spot": True},
        {"keep_alive": 3600},
        {"instance_type": "ml.g5.xlarge", "fallbacks": ["ml.g6.xlarge", "ml.g4dn.xlarge"]},
    ],
)
@pytest.mark.parametrize("key", [None, "arn:aws:kms:eu-central-1:123456789012:key/a"])
@pytest.mark.parametrize("longest", [60, MONTH])
def test_every_kind_of_job_is_one_that_sagemaker_takes(options, key, longest):
    made = request(options, key, max_runtime=longest)
    shape = model.operation("sagemaker", "CreateTrainingJob").input_shape
    assert model.problems(shape, made) == []
    assert list(cross_problems(made)) == []


def test_disks_that_a_machine_brings_along_get_no_key_and_others_do():
    assert disks_key("ml.m5.large") == "key"
    assert disks_key("ml.g5.xlarge") is None
    assert disks_key("ml.m5.large", "ml.m5d.large") is None  # one request, whichever is free


@pytest.mark.parametrize(
    ("instance_type", "own"),
    [
        ("ml.m5.large", False),
        ("ml.c6i.xlarge", False),
        ("ml.p3.2xlarge", False),
        ("ml.g5.xlarge", True),
        ("ml.g6e.12xlarge", True),
        ("ml.g4dn.xlarge", True),
        ("ml.p3dn.24xlarge", True),
        ("ml.p4de.24xlarge", True),
        ("ml.p6-b200.48xlarge", True),
        ("ml.m6id.xlarge", True),
        ("ml.trn1.2xlarge", True),
    ],
)
def test_which_machines_bring_disks_along(instance_type, own):
    assert has_own_disks(instance_type) is own


@pytest.mark.parametrize("other", [{"keep_alive": 60}, {"fallbacks": ["ml.m5.xlarge"]}])
def test_what_excludes_spot_is_refused_in_the_catalog(other):
    with pytest.raises(ValidationError, match="expected either spot or"):
        SageMakerOptions.model_validate({"instance_type": "ml.m5.large", "spot": True} | other)


async def test_the_operator_reads_what_these_profiles_cannot_have(tmp_path, caplog):
    site = make_site(
        tmp_path,
        profile(name="small", sagemaker={"keep_alive": 600}),
        profile(name="gpu", sagemaker={"instance_type": "ml.g5.xlarge"}),
    )
    assert await said(site, caplog) == []
    assert await said(site, caplog, kms_key="key") == [
        "Profile gpu: SageMaker takes no KMS key for the disks of ml.g5.xlarge, so "
        "c.SageMakerPlatform.kms_key is for its secrets alone."
    ]
    (warm,) = await said(site, caplog, creator_role_arn=ROLE)
    assert warm.startswith("Profile small: keep_alive costs and saves nothing")


async def said(site, caplog, **settings: Any) -> list[str]:
    caplog.clear()
    platform = SageMakerPlatform(site=site, log=logging.getLogger("said"), **SETTINGS | settings)
    await platform.open()
    await platform.close()
    return [record.getMessage() for record in caplog.records]


def test_a_profile_of_another_backend_is_no_business_of_sagemakers(tmp_path):
    local = Profile.model_validate({"name": "a", "title": "A", "image": "lab"})
    platform = SageMakerPlatform(site=make_site(tmp_path, local), **SETTINGS | {"kms_key": "key"})
    assert platform.doubts([local]) == []
