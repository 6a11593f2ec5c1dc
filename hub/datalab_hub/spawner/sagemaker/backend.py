"""One workspace as one training job; :class:`~.state.Step` is its state machine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from datalab_workspace import wire

from ..backend import Backend, Phase, WorkspaceContext
from ..problems import StartFailed
from ..registration import Expected, RegistrationRefused, hash_of, new_secret
from . import failures
from .aws import Refused, Unknown, persist
from .describe import ABSENT, Described
from .names import job_name, tags, workspace_mark
from .request import HOME, instance_types, training_job
from .state import JobState, Step
from .transport import UnusableAddress

if TYPE_CHECKING:
    from .platform import SageMakerPlatform

_ABSENT_TRIES = 3  # looks at a job that was just created and cannot be seen yet
_ADDRESSED = frozenset({Step.REGISTERED, Step.RUNNING})


class SageMakerBackend(Backend):
    """Creates, follows and stops one job.

    The lock is held by whatever creates or removes on AWS, so that a stop that comes in the
    middle of a start removes what the start has created, and the start creates nothing after it.
    """

    platform: SageMakerPlatform

    def __init__(self, platform: SageMakerPlatform, context: WorkspaceContext) -> None:
        super().__init__(platform, context)
        self.state: JobState | None = None
        self._lock = asyncio.Lock()
        self._given_up = False
        self._registered = asyncio.Event()
        self._background: set[asyncio.Task[None]] = set()

    # -- the contract -----------------------------------------------------------------------

    async def start(self) -> str:
        """Create the job and wait until its server answers."""
        context, platform = self.context, self.platform
        self._given_up = False
        self._registered.clear()
        mark = workspace_mark(platform.site.instance, context.user, context.key)
        self.state = JobState(job_name(mark), platform.region_of(context.profile))
        platform.backends[context.key] = self
        context.save()  # before the first call to the outside
        context.report(Phase.QUEUE, "Asking AWS for a machine; this takes minutes")
        try:
            await self._remove_leftovers(mark)
            await self._create()
            return await self._until_answering()
        except BaseException as error:
            with contextlib.suppress(Unknown, Refused):  # logged, and left to the reconciler
                await asyncio.shield(self._remove(wait=False))
            if (failure := self._as_failure(error)) is not None:
                raise failure from error
            raise

    async def resume(self) -> str:
        """Go on where an earlier hub was: wait for the registration, or for the answer."""
        state = self.state
        if state is None or state.step in {Step.PREPARED, Step.SECRET, Step.STOPPING}:
            raise StartFailed(
                "The start was interrupted before AWS had been asked for a machine.",
                reason="interrupted",
                hint="Start it again.",
            )
        try:
            if state.step is Step.INTERRUPTED:
                # Whether the fresh assignment was written, nobody knows; write another one.
                await self._assign_again(state.boots)
            if state.step in _ADDRESSED:
                self._in_background(self._drop_secret(state))
            return await self._until_answering()
        except (Unknown, Refused) as error:
            failure = self._as_failure(error)
            assert failure is not None
            raise failure from error

    async def poll(self) -> int | None:
        """Return ``None`` unless AWS says that the job has ended or never was."""
        if self.state is None:
            return 0
        try:
            described = await self._describe()
        except (Unknown, Refused) as error:
            self.context.log.warning("Nothing is known of %s now: %s", self.state.job, error)
            return None
        if not described.over:
            return None
        self.platform.site.registrations.forget(self.state.job)
        return described.exit_status

    async def stop(self, now: bool = False) -> None:
        """Stop the job; wait for its end unless ``now``, since saving takes it up to 120 s."""
        self._given_up = True
        await asyncio.shield(self._remove(wait=not now))

    async def gone(self) -> None:
        """Return when the job has ended. Lets a spot job register again after an interruption."""
        state = self.state
        if state is None:
            return
        async with contextlib.aclosing(
            self.platform.watch.follow(state.job, state.region)
        ) as looks:
            last: str | None = None
            async for seen in looks:
                if self.state is not state:
                    return
                if seen is not None and seen == last:
                    continue
                last = seen
                try:
                    described = await self._describe()
                except (Unknown, Refused):
                    last = None  # look again the next time
                    continue
                if described.over or not await self._survives(described):
                    return

    def get_state(self) -> dict[str, Any]:
        """Return the job's name and how far it has come."""
        return self.state.as_dict() if self.state is not None else {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over an earlier hub's job; it may register from this moment on."""
        if "job" not in state:
            return
        self.state = JobState.from_dict(state)
        self.platform.backends[self.context.key] = self
        if self.state.step in _ADDRESSED:
            self._registered.set()
        if self.state.step not in {Step.PREPARED, Step.STOPPING}:
            self._expect(self.state)

    # -- creating ---------------------------------------------------------------------------

    async def _remove_leftovers(self, mark: str) -> None:
        """Stop what an earlier start of this workspace left, of which no state is known."""
        context, inventory, state = self.context, self.platform.inventory, self._known()
        for job in await inventory.jobs_like(mark, context.key, state.region):
            context.log.warning("Stopping %s: an earlier job of this workspace", job)
            await inventory.stop_job(job, state.region)
        for job, key in await inventory.secrets_like(mark, state.region):
            if key == context.key:
                await inventory.delete_secret(job, state.region)

    async def _create(self) -> None:
        context, platform = self.context, self.platform
        async with self._lock:
            self._still_wanted()
            state = self._known()
            home = await asyncio.to_thread(platform.home_directory, context.user)
            await self._assign(state, Step.SECRET)
            marks = self._tags()
            credentials = await platform.creator_credentials(marks, state.job, state.region)
            request = training_job(
                job=state.job,
                profile=context.profile,
                image=context.image.reference if context.image else "",
                place=platform.place,
                entrypoint=list(platform.entrypoint),
                home_directory=home,
                max_runtime=self._max_runtime(),
                patience=platform.workspace_patience,
                region=platform.region_name(state.region),
                tags=marks,
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
                # CreateTrainingJob has no client token. The name is ours alone, so it can only
                # be taken by our own call, whose answer was lost and which was tried again.
                if refusal.code != "ResourceInUse":
                    raise

    async def _assign(self, state: JobState, step: Step) -> None:
        """Write a fresh assignment into the job's secret, and expect its registration."""
        context, platform = self.context, self.platform
        secret = new_secret()
        state.step, state.secret_hash = step, hash_of(secret)
        context.save()
        self._expect(state)
        context.bind("0.0.0.0", platform.port)
        env = {
            # Announced in Lab before it strikes, like a limit of the profile's own.
            "DATALAB_MAX_RUNTIME": str(self._max_runtime()),
            **context.environment(),
        }
        hub = env["JUPYTERHUB_API_URL"].rstrip("/").removesuffix("/api")
        assignment = wire.Assignment(
            job=state.job,
            secret=secret,
            register_url=f"{hub}/datalab/register",
            env=env,
            argv=context.arguments(),
            home=HOME,
            port=platform.port,
            uid=platform.uid,
            patience=platform.workspace_patience,
            name=f"datalab-workspace {context.key}",
        )
        text = wire.encode(assignment).decode()
        await platform.inventory.write_secret(state.job, state.region, text, self._tags())

    def _expect(self, state: JobState) -> None:
        address = None
        if state.step in _ADDRESSED and state.ip is not None and state.port is not None:
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
            )
        )

    async def _accept(self, message: wire.Register) -> None:
        """Take a registration: write the address down, wake the start, drop the secret."""
        state = self._known()
        try:
            self.platform.transport.check(message)
        except UnusableAddress as error:
            self.context.log.error("Registration of %s: %s", state.job, error)
            raise RegistrationRefused("wrong-address") from error
        state.ip, state.port, state.step = message.ip, message.port, Step.REGISTERED
        self.context.save()
        self._registered.set()
        self._in_background(self._drop_secret(state))

    # -- following --------------------------------------------------------------------------

    async def _until_answering(self) -> str:
        """Return the URL when the server answers, telling meanwhile where the start stands."""
        platform, state = self.platform, self._known()
        answer: asyncio.Task[None] | None = None
        registered = asyncio.create_task(self._registered.wait())
        absent = 0
        try:
            while True:
                self._still_wanted()
                described = await self._look()
                if described is not None:
                    absent = absent + 1 if described.status is None else 0
                    if described.over and not 0 < absent < _ABSENT_TRIES:
                        raise failures.ended(
                            described.status or "absent",
                            described.reason,
                            instance_types(self.context.profile),
                            platform.other_profiles(self.context.profile),
                        )
                    if self._interrupted(described):
                        if answer is not None:
                            answer.cancel()
                        answer = None
                        await self._assign_again(described.interruptions)
                        registered.cancel()
                        registered = asyncio.create_task(self._registered.wait())
                    elif state.step not in _ADDRESSED:
                        state.boots = described.interruptions
                if registered.done() and answer is None:
                    self.context.report(Phase.REGISTER, "Connecting to the workspace")
                    answer = asyncio.create_task(platform.transport.answering(state.url))
                pause = asyncio.create_task(platform.pause())
                try:
                    waits = {answer or registered, pause}
                    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    pause.cancel()
                if answer is not None and answer.done():
                    answer.result()
                    self._still_wanted()
                    state.step = Step.RUNNING
                    platform.site.registrations.close(state.job)
                    self.context.save()
                    return state.url
        finally:
            registered.cancel()
            if answer is not None:
                answer.cancel()

    async def _look(self) -> Described | None:
        """Describe the job and report it; ``None`` when AWS does not answer now."""
        try:
            described = await self._describe()
        except Unknown as error:
            self.context.log.info("Nothing is known of %s now: %s", self._known().job, error)
            self.context.report(
                Phase.SCHEDULE, "Waiting", cause="AWS does not answer now; asking again"
            )
            return None
        if not described.over and not self._registered.is_set():
            phase, text, cause = described.phase()
            self.context.report(phase, text, cause=cause)
        return described

    async def _describe(self) -> Described:
        state = self._known()
        try:
            answer = await self.platform.aws.call(
                "sagemaker",
                "describe_training_job",
                region=state.region,
                TrainingJobName=state.job,
            )
        except Refused as refusal:
            if refusal.is_absence:
                return ABSENT
            raise
        return Described.of(answer)

    def _interrupted(self, described: Described) -> bool:
        """Return whether the machine that had registered was taken away since."""
        state = self._known()
        return state.step in _ADDRESSED and described.interruptions > state.boots

    async def _assign_again(self, interruptions: int) -> None:
        """Give the job that boots again a fresh token and secret; the old address is void."""
        async with self._lock:
            self._still_wanted()
            state = self._known()
            state.ip = state.port = None
            state.boots = interruptions
            self._registered.clear()
            self.context.renew_token()
            await persist(
                lambda: self._assign(state, Step.INTERRUPTED),
                self.platform.workspace_patience,
                self.platform.poll_interval,
            )

    async def _survives(self, described: Described) -> bool:
        """Return whether a job that is in progress goes on, after an interruption perhaps."""
        if not self._interrupted(described):
            return True
        context, job = self.context, self._known().job
        context.log.warning("The machine of %s was taken back; it boots again", job)
        try:
            await self._assign_again(described.interruptions)
            url = await self._until_answering()
            await context.moved(url)
        except (StartFailed, Unknown, Refused) as error:
            context.log.error("%s did not come back after an interruption: %s", job, error)
            if not self._given_up:
                await self.stop(now=True)
            return False
        return True

    # -- removing ---------------------------------------------------------------------------

    async def _remove(self, *, wait: bool) -> None:
        """Remove everything on AWS.

        Raises:
            Unknown, Refused: AWS does not let us, for so long that the reconciler has to.
        """
        platform = self.platform
        self._given_up = True
        async with self._lock:
            state = self.state
            if state is None:
                return
            platform.site.registrations.forget(state.job)
            if state.step is not Step.PREPARED:
                state.step = Step.STOPPING
                self.context.save()
                try:
                    await persist(
                        lambda: platform.inventory.take_away(state.job, state.region),
                        platform.stop_patience,
                        platform.poll_interval,
                    )
                except (Unknown, Refused) as error:
                    self.context.log.error("%s could not be stopped: %s", state.job, error)
                    raise
                if wait:
                    await self._until_over(state)
            self.state = None
            if platform.backends.get(self.context.key) is self:
                del platform.backends[self.context.key]

    async def _until_over(self, state: JobState) -> None:
        """Return when the job has ended, or has been stopping for longer than it should."""
        try:
            async with asyncio.timeout(self.platform.stop_patience):
                while True:
                    with contextlib.suppress(Unknown, Refused):
                        if (await self._describe()).over:
                            return
                    await self.platform.pause()
        except TimeoutError:
            self.context.log.warning("%s is still stopping; AWS will end it", state.job)

    async def _drop_secret(self, state: JobState) -> None:
        """Delete a secret that has served; the reconciler deletes what cannot be deleted now."""
        try:
            await persist(
                lambda: self.platform.inventory.delete_secret(state.job, state.region),
                self.platform.stop_patience,
                self.platform.poll_interval,
            )
        except (Unknown, Refused) as error:
            self.context.log.warning("The secret of %s is left for now: %s", state.job, error)

    # -- small things -----------------------------------------------------------------------

    def _known(self) -> JobState:
        """Return the state; a start whose job was taken away in the meantime ends here."""
        if self.state is None:
            raise _stopped()
        return self.state

    def _still_wanted(self) -> None:
        if self._given_up:
            raise _stopped()

    def _max_runtime(self) -> int:
        limit = self.context.profile.max_runtime
        return int(limit.total_seconds()) if limit is not None else self.platform.longest_run

    def _tags(self) -> dict[str, str]:
        context = self.context
        return tags(self.platform.site.instance, context.user, context.server, context.key)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _as_failure(self, error: BaseException) -> StartFailed | None:
        """Return what the person reads; ``None`` for errors that say it themselves."""
        if isinstance(error, Unknown):
            return failures.unreachable(error)
        if isinstance(error, Refused):
            profile = self.context.profile
            return failures.refusal(
                error, instance_types(profile), self.platform.other_profiles(profile)
            )
        if isinstance(error, OSError):
            return failures.no_home(error)
        return None


def _stopped() -> StartFailed:
    return StartFailed(
        "The workspace was stopped while it was starting.", reason="stopped", hint="Start it again."
    )
