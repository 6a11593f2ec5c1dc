"""What an operator can declare: images, profiles, data sources."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from .backends import KubernetesOptions, LocalOptions, SageMakerOptions
from .backends.sagemaker import InstanceType
from .backends.sagemaker_instances import InstanceFacts, shipped
from .base import Group, Model, Name, Title
from .sources import DataSource
from .units import Duration, RequiredDuration, Size

_SAGEMAKER_START_TIMEOUT = timedelta(minutes=20)

BackendName = Literal["local", "kubernetes", "sagemaker"]


class Gpu(Model):
    """Graphics processors of a profile."""

    count: int = Field(ge=1, le=16, description="How many.")
    type: str | None = Field(None, description="For people, for example 'A10G 24 GB'.")


class Resources(Model):
    """What a workspace may use."""

    cpu: float | None = Field(None, gt=0, le=1024, description="Cores; no limit when left out.")
    memory: Size | None = Field(None, description="For example '4 GiB'; no limit when left out.")
    gpu: Gpu | None = Field(None, description="Graphics processors.")


class Image(Model):
    """A container image."""

    reference: str = Field(
        min_length=1,
        pattern=r"^\S+$",
        description="Registry, name and tag; in production by digest (…@sha256:…).",
    )
    title: Title = Field(description="What people see.")
    contents: tuple[str, ...] = Field((), description="What is inside, for people.")


class Profile(Model):
    """A card on the start page."""

    name: Name = Field(description="Identifies the profile; do not change it later.")
    title: Title = Field(description="The card's heading.")
    description: str = Field("", max_length=400, description="One or two sentences for people.")
    backend: BackendName = Field("local", description="Where it runs.")
    image: str | None = Field(None, description="Name of an image; local profiles need none.")
    resources: Resources = Field(Resources(), description="What it may use.")
    price_per_hour: Decimal | None = Field(
        None, ge=0, le=10000, description="For the person and the ledger; nothing is billed."
    )
    allowed_groups: frozenset[Group] = Field(
        frozenset(), description="Groups that are offered it; everybody when empty."
    )
    idle_timeout: Duration = Field(
        None, description="Stop after this long without activity. A busy kernel is activity."
    )
    max_runtime: Duration = Field(None, description="Stop after this long in any case.")
    start_timeout: RequiredDuration = Field(
        timedelta(minutes=5),
        description="Give up a start after this long. 20 minutes on SageMaker when left out.",
    )
    environment: dict[str, str] = Field(
        default_factory=dict, description="Variables for the workspace. Not for secrets."
    )
    local: LocalOptions | None = Field(None, description="Options of the local backend.")
    kubernetes: KubernetesOptions | None = Field(
        None, description="Options of the Kubernetes backend."
    )
    sagemaker: SageMakerOptions | None = Field(
        None, description="Options of the SageMaker backend."
    )

    @model_validator(mode="before")
    @classmethod
    def _patience_by_backend(cls, values: Any) -> Any:
        """A machine on SageMaker takes minutes; 5 would give up too early."""
        if isinstance(values, dict) and values.get("backend") == "sagemaker":
            return {"start_timeout": _SAGEMAKER_START_TIMEOUT} | values
        return values

    @model_validator(mode="after")
    def _backend_and_block_match(self) -> Self:
        for block in ("local", "kubernetes", "sagemaker"):
            if block != self.backend and getattr(self, block) is not None:
                raise PydanticCustomError(
                    "backend",
                    "has a block '{block}' but its backend is '{backend}': "
                    "expected backend: {block}, or no such block",
                    {"block": block, "backend": self.backend},
                )
        if self.backend == "sagemaker" and self.sagemaker is None:
            raise PydanticCustomError(
                "backend", "expected a block 'sagemaker' with at least an instance_type"
            )
        if self.backend != "local" and self.image is None:
            raise PydanticCustomError(
                "image", "expected an image: only local profiles run without one"
            )
        return self

    def allows(self, groups: Collection[str]) -> bool:
        """Return whether somebody in these groups is offered this profile."""
        return not self.allowed_groups or not self.allowed_groups.isdisjoint(groups)


class Catalog(Model):
    """The operator's whole file."""

    version: Literal[1] = Field(1, description="Version of this format.")
    currency: str = Field("EUR", pattern=r"^[A-Z]{3}$", description="ISO 4217 code of the prices.")
    images: Mapping[Name, Image] = Field(default_factory=dict, description="Images by name.")
    profiles: tuple[Profile, ...] = Field(
        min_length=1, description="The cards, in the order in which a newcomer sees them."
    )
    data_sources: tuple[DataSource, ...] = Field((), description="Data that workspaces reach.")
    instance_types: Mapping[InstanceType, InstanceFacts] = Field(
        default_factory=dict,
        description="What SageMaker's instance types have and cost, where that is not what ships "
        "with Datalab.",
    )

    @model_validator(mode="after")
    def _facts_of_instances(self) -> Self:
        """Fill in what a profile on SageMaker leaves out and its instance type tells."""
        profiles = tuple(self._with_facts(profile) for profile in self.profiles)
        object.__setattr__(self, "profiles", profiles)  # frozen for everybody else
        return self

    def _with_facts(self, profile: Profile) -> Profile:
        if profile.sagemaker is None:
            return profile
        kind = profile.sagemaker.instance_type
        facts = self.instance_types.get(kind) or shipped().get(kind)
        if facts is None:
            return profile
        said = profile.resources.model_dump(exclude_none=True)
        found: dict[str, Any] = {"resources": Resources.model_validate(facts.resources() | said)}
        if profile.price_per_hour is None and self.currency == "USD":
            found["price_per_hour"] = facts.usd_per_hour
        return profile.model_copy(update=found)

    def profile(self, name: str) -> Profile:
        """Return a profile by its name.

        Raises:
            KeyError: there is none; the message lists those there are.
        """
        for profile in self.profiles:
            if profile.name == name:
                return profile
        known = ", ".join(profile.name for profile in self.profiles)
        raise KeyError(f"no profile {name!r}; there are: {known}")

    def profiles_for(self, groups: Collection[str]) -> list[Profile]:
        """Return the profiles that somebody in these groups is offered, in the catalog's order."""
        return [profile for profile in self.profiles if profile.allows(groups)]

    def source(self, name: str) -> DataSource | None:
        """Return a data source by its name."""
        return next((source for source in self.data_sources if source.name == name), None)

    def sources_for(self, groups: Collection[str]) -> list[DataSource]:
        """Return the sources that somebody in these groups may use, in the catalog's order."""
        return [source for source in self.data_sources if source.allows(groups)]

    def cross_problems(self) -> list[tuple[tuple[str | int, ...], Any, str]]:
        """Return what is wrong between entries: (path, value, what is expected)."""
        problems: list[tuple[tuple[str | int, ...], Any, str]] = []
        for section in ("profiles", "data_sources"):
            seen: dict[str, int] = {}
            for index, entry in enumerate(getattr(self, section)):
                if entry.name in seen:
                    problems.append(
                        (
                            (section, index, "name"),
                            entry.name,
                            f"expected a name of its own: {section}[{seen[entry.name]}] has it",
                        )
                    )
                seen.setdefault(entry.name, index)
        for index, profile in enumerate(self.profiles):
            if profile.image is not None and profile.image not in self.images:
                known = ", ".join(sorted(self.images)) or "none declared"
                problems.append(
                    (("profiles", index, "image"), profile.image, f"expected an image of: {known}")
                )
        return problems
