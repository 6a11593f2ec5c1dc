"""One job: what is written down, created, asked and removed for it."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from datalab_workspace import wire

from ..certificates import NotOurs
from ..registration import Expected, RegistrationRefused, hash_of, new_secret
from .addresses import lead_to_broker, lead_to_hub
from .aws import Refused, Unknown, persist
from .describe import ABSENT, Described
from .names import tags
from .request import HOME, training_job
from .state import JobState, Step
from .transport import OldImage, UnusableAddress

if TYPE_CHECKING:
    from ..backend import WorkspaceContext
    from .platform import SageMakerPlatform

STOP_GRACE = 120.0
"""Seconds that SageMaker gives a container between SIGTERM and SIGKILL (its API reference)."""
ADDRESSED = frozenset({Step.REGISTERED, Step.RUNNING})
"""The steps in which a workspace's address is known."""


class Job:
    """The calls for one job. Each step is saved before the call that it is named for.

    Attributes:
        registered: set while the workspace's address is known.
    """

    def __init__(
        self, platform: SageMakerPlatform, context: WorkspaceContext, state: JobState
    ) -> None:
        self.platform = platform
        self.context = context
        self.state = state
        self.registered = asyncio.Event()
        self._background: set[asyncio.Task[None]] = set()
        if state.step in ADDRESSED:
            self.registered.set()
        state.via = platform.way.keep(state.job, state.via)

    @property
    def name(self) -> str:
        """The job's name."""
        return self.state.job

    @property
    def tags(self) -> dict[str, str]:
        """The tags of everything that belongs to it."""
        context = self.context
        return tags(self.platform.site.instance, context.user, context.server, context.key)

    @property
    def max_runtime(self) -> int:
        """Seconds after which the workspace is stopped."""
        limit = self.context.profile.max_runtime
        return int(limit.total_seconds()) if limit is not None else self.platform.longest_run

    # -- to be, and to be somebody's --------------------------------------------------------

    async def create(self) -> None:
        """Write the assignment, then create the job."""
        context, platform, state = self.context, self.platform, self.state
        home = await asyncio.to_thread(platform.home_directory, context.user)
        await self.assign(Step.SECRET)
        credentials = await platform.creator_credentials(self.tags, state.job, state.region)
        request = training_job(
            job=state.job,
            profile=context.profile,
            image=context.image.reference if context.image else "",
            place=platform.place,
            entrypoint=list(platform.entrypoint),
            home_directory=home,
            max_runtime=self.max_runtime,
            patience=platform.workspace_patience,
            region=platform.region_name(state.region),
            tags=self.tags,
            chain_session_tags=credentials is not None,
        )
        state.step = Step.CREATED
        context.save()
        try:
            await platform.aws.call(
                "sagemaker",
                "create_training_job",
                region=state.region,
                credentials=credentials,
                **request,
            )
        except Refused as refusal:
            # CreateTrainingJob has no client token. The name is ours alone, so it can only be
            # taken by our own call, whose answer was lost and which was tried again.
            if refusal.code != "ResourceInUse":
                raise

    async def assign(self, step: Step) -> None:
        """Write a fresh assignment into the job's secret, and expect its registration."""
        secret = new_secret()
        self.state.step, self.state.secret_hash = step, hash_of(secret)
        self.context.save()
        self.expect()
        tls = await self.context.certificates()
        self.state.tls = bool(tls)
        text = wire.encode(self._assignment(secret, tls)).decode()
        await self.platform.inventory.write_secret(self.name, self.state.region, text, self.tags)

    async def assign_again(self, interruptions: int) -> None:
        """Give a job that boots again a fresh token and secret; the old address is void."""
        self.state.ip = self.state.port = None
        self.state.boots = interruptions
        self.registered.clear()
        self.context.renew_token()
        await persist(
            lambda: self.assign(Step.INTERRUPTED),
            self.platform.workspace_patience,
            self.platform.poll_interval,
        )

    def _assignment(self, secret: str, tls: dict[str, str]) -> wire.Assignment:
        context, platform = self.context, self.platform
        context.bind(platform.way.listens_on, platform.port)
        env = {
            # Announced in Lab before it strikes, like a limit of the profile's own.
            "DATALAB_MAX_RUNTIME": str(self.max_runtime),
            **context.environment(),
        }
        if platform.hub_url:
            lead_to_hub(platform.hub_url, env)
        if platform.broker_url:
            lead_to_broker(platform.broker_url, env)
        hub = env["JUPYTERHUB_API_URL"].rstrip("/").removesuffix("/api")
        return wire.Assignment(
            job=self.name,
            secret=secret,
            register_url=f"{hub}/datalab/register",
            env=env,
            argv=context.arguments(),
            home=HOME,
            port=platform.port,
            uid=platform.uid,
            patience=platform.workspace_patience,
            name=f"datalab-workspace {context.key}",
            tunnel=platform.way.tunnel_url(),
            tls=tls,
            stop_grace=STOP_GRACE,
        )

    # -- registration -----------------------------------------------------------------------

    def expect(self) -> None:
        """Let the job register from now on, as far as its step allows."""
        state, address = self.state, None
        if state.step in ADDRESSED and state.ip is not None and state.port is not None:
            address = (state.secret_hash, state.ip, state.port)
        self.platform.site.registrations.expect(
            Expected(
                job=state.job,
                user=self.context.user,
                server=self.context.server,
                secret_hash=state.secret_hash,
                recognises=self.context.recognises,
                accept=self._accept,
                used=address,
                open=state.step is not Step.RUNNING,
                grant=self._grant if self.platform.way.tunnel_url() else None,
            )
        )

    async def _accept(self, message: wire.Register) -> wire.Registered:
        """Take a registration: write the address down, wake the start, drop the secret."""
        try:
            via = self.platform.way.via(self.name, message)
            certificate = self._certify(message, via) if self.state.tls else ""
        except UnusableAddress as error:
            self.context.log.error("Registration of %s: %s", self.name, error)
            raise RegistrationRefused("wrong-address") from error
        except OldImage as error:
            self.context.log.error("Registration of %s: %s", self.name, error)
            raise RegistrationRefused("old-image") from error
        self.state.ip, self.state.port, self.state.via = message.ip, message.port, via
        self.state.step = Step.REGISTERED
        self.context.save()
        self.registered.set()
        self.drop_secret()
        return wire.Registered(certificate)

    def _certify(self, message: wire.Register, via: str) -> str:
        """Return a certificate for the address at which the proxy will look for the workspace."""
        host = via.rpartition(":")[0].strip("[]") or message.ip
        if not message.certificate:
            raise OldImage("The workspace did not send its certificate.")
        try:
            return self.context.certify(message.certificate, alternative_name(host))
        except NotOurs as error:
            raise UnusableAddress(str(error)) from error

    def _grant(self, taken: int) -> wire.TunnelGrant:
        """Say on which port of the gateway this workspace is reached.

        Args:
            taken: a port that was granted before and that somebody else has; the workspace moves.
        """
        state = self.state
        if taken and taken == state.via_port:
            state.via = self.platform.way.another(self.name, taken)
            self.context.save()
            self.context.log.warning("%s moves to %s: the port was taken", self.name, state.via)
            if state.step is Step.RUNNING:
                self._beside(self.context.moved(state.url))
        return wire.TunnelGrant(state.via_port, self.prefix, encrypted=state.tls)

    @property
    def prefix(self) -> str:
        """How the paths of all requests to the workspace begin."""
        return self.context.environment().get("JUPYTERHUB_SERVICE_PREFIX", "")

    def drop_secret(self) -> None:
        """Delete a secret that has served, beside whatever else goes on."""
        self._beside(self._drop_secret())

    def _beside(self, what: Awaitable[None]) -> None:
        task = asyncio.ensure_future(what)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _drop_secret(self) -> None:
        try:
            await self._persist(
                lambda: self.platform.inventory.delete_secret(self.name, self.state.region)
            )
        except (Unknown, Refused) as error:
            # The reconciler deletes it: it belongs to a workspace that needs it no more.
            self.context.log.warning("The secret of %s is left for now: %s", self.name, error)

    # -- asking and ending ------------------------------------------------------------------

    async def describe(self) -> Described:
        """Ask AWS about the job.

        Raises:
            Unknown, Refused: see :meth:`~.aws.Aws.call`; absence is an answer, not an error.
        """
        try:
            answer = await self.platform.aws.call(
                "sagemaker",
                "describe_training_job",
                region=self.state.region,
                TrainingJobName=self.name,
            )
        except Refused as refusal:
            if refusal.is_absence:
                return ABSENT
            raise
        return Described.of(answer)

    def interrupted(self, described: Described) -> bool:
        """Return whether the machine that had registered was taken away since."""
        return self.state.step in ADDRESSED and described.interruptions > self.state.boots

    def running(self) -> None:
        """Note that the server answers: whoever registers from now on is not it."""
        self.state.step = Step.RUNNING
        self.platform.site.registrations.close(self.name)
        self.context.save()

    async def take_away(self) -> None:
        """Delete the secret and stop the job.

        Raises:
            Unknown, Refused: AWS does not let us, for so long that the reconciler has to.
        """
        self.platform.site.registrations.forget(self.name)
        self.platform.way.release(self.name)
        if self.state.step is Step.PREPARED:
            return  # nothing has been asked of AWS
        self.state.step = Step.STOPPING
        self.context.save()
        try:
            await self._persist(
                lambda: self.platform.inventory.take_away(self.name, self.state.region)
            )
        except (Unknown, Refused) as error:
            self.context.log.error("%s could not be stopped: %s", self.name, error)
            raise

    async def until_over(self) -> None:
        """Return when the job has ended, or has been stopping for longer than it should."""
        try:
            async with asyncio.timeout(self.platform.stop_patience):
                while not await self._certainly_over():
                    await self.platform.pause()
        except TimeoutError:
            self.context.log.warning("%s is still stopping; AWS will end it", self.name)

    async def _certainly_over(self) -> bool:
        try:
            return (await self.describe()).over
        except (Unknown, Refused):
            return False

    async def _persist(self, what: Callable[[], Awaitable[None]]) -> None:
        await persist(what, self.platform.stop_patience, self.platform.poll_interval)


def alternative_name(host: str) -> str:
    """Return a host as a certificate's alternative name."""
    try:
        return f"IP:{ipaddress.ip_address(host)}"
    except ValueError:
        return f"DNS:{host}"
