"""One workspace on SageMaker; :class:`~.state.Step` is its state machine."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from ..backend import Backend, Phase, WorkspaceContext
from ..problems import StartFailed
from . import failures
from .aws import Refused, Unknown
from .describe import Described
from .job import ADDRESSED, Job
from .names import job_name, workspace_mark
from .request import instance_types
from .state import JobState, Step

if TYPE_CHECKING:
    from .platform import SageMakerPlatform

_ABSENT_LOOKS = 3  # at a job that was just created and cannot be seen yet


class SageMakerBackend(Backend):
    """Brings one job to life, follows it, and ends it.

    The lock is held by whatever creates or removes on AWS, so that a stop that comes in the
    middle of a start removes what the start has created, and the start creates nothing after it.
    """

    platform: SageMakerPlatform

    def __init__(self, platform: SageMakerPlatform, context: WorkspaceContext) -> None:
        super().__init__(platform, context)
        self.job: Job | None = None
        self._lock = asyncio.Lock()
        self._given_up = False

    # -- the contract -----------------------------------------------------------------------

    async def start(self) -> str:
        """Create a job and wait until its server answers."""
        context, platform = self.context, self.platform
        self._given_up = False
        if obstacle := platform.obstacle():
            raise failures.not_set_up(obstacle)
        mark = workspace_mark(platform.site.instance, context.user, context.key)
        job = self._take(JobState(job_name(mark), platform.region_of(context.profile)))
        context.save()  # before the first call to the outside
        context.report(Phase.QUEUE, "Asking AWS for a machine; this takes minutes")
        try:
            await self._remove_leftovers(job, mark)
            async with self._lock:
                self._still_wanted()
                await job.create()
            return await self._until_answering(job)
        except BaseException as error:
            with contextlib.suppress(Unknown, Refused):  # logged, and left to the reconciler
                await asyncio.shield(self._remove(wait=False))
            if (failure := self._as_failure(error)) is not None:
                raise failure from error
            raise

    async def resume(self) -> str:
        """Go on where an earlier hub was: wait for the registration, or for the answer."""
        job = self.job
        if job is None or job.state.step in {Step.PREPARED, Step.SECRET, Step.STOPPING}:
            raise StartFailed(
                "Datalab was restarted before AWS had been asked for a machine.",
                reason="interrupted",
                hint="Start it again.",
            )
        try:
            if job.state.step is Step.INTERRUPTED:
                # Whether the fresh assignment was written, nobody knows; write another one.
                await self._assign_again(job, job.state.boots)
            if job.state.step in ADDRESSED:
                job.drop_secret()
            return await self._until_answering(job)
        except (Unknown, Refused) as error:
            failure = self._as_failure(error)
            assert failure is not None
            raise failure from error

    async def poll(self) -> int | None:
        """Return ``None`` unless AWS says that the job has ended or never was."""
        job = self.job
        if job is None:
            return 0
        try:
            described = await job.describe()
        except (Unknown, Refused) as error:
            self.context.log.warning("Nothing is known of %s now: %s", job.name, error)
            return None
        if not described.over:
            return None
        self.platform.site.registrations.forget(job.name)
        self.platform.way.release(job.name)
        return described.exit_status

    async def stop(self, now: bool = False) -> None:
        """Stop the job; wait for its end unless ``now``, since saving takes it up to 120 s."""
        self._given_up = True
        await asyncio.shield(self._remove(wait=not now))

    async def gone(self) -> None:
        """Return when the job has ended. Lets a spot job register again after an interruption."""
        job = self.job
        if job is None:
            return
        looks = self.platform.watch.follow(job.name, job.state.region)
        async with contextlib.aclosing(looks):
            last: str | None = None
            async for seen in looks:
                if self.job is not job:
                    return
                if seen is not None and seen == last:
                    continue
                last = seen
                try:
                    described = await job.describe()
                except (Unknown, Refused):
                    last = None  # look again the next time
                    continue
                if described.over or not await self._survives(job, described):
                    return

    def get_state(self) -> dict[str, Any]:
        """Return the job's name and how far it has come."""
        return self.job.state.as_dict() if self.job is not None else {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over an earlier hub's job; it may register from this moment on."""
        if "job" not in state:
            return
        job = self._take(JobState.from_dict(state))
        if job.state.step not in {Step.PREPARED, Step.STOPPING}:
            job.expect()

    # -- following --------------------------------------------------------------------------

    async def _until_answering(self, job: Job) -> str:
        """Return the URL when the server answers, telling meanwhile where the start stands."""
        absent = 0
        answer: asyncio.Task[Any] | None = None
        try:
            while True:
                self._still_wanted()
                described = await self._look(job)
                if described is not None:
                    absent = absent + 1 if described.status is None else 0
                    if described.over and not 0 < absent < _ABSENT_LOOKS:
                        raise self._ended(described)
                    if job.interrupted(described):
                        _cancel(answer)
                        answer = None
                        await self._assign_again(job, described.interruptions)
                    elif job.state.step not in ADDRESSED:
                        job.state.boots = described.interruptions
                if job.registered.is_set() and answer is None:
                    self.context.report(Phase.REGISTER, "Connecting to the workspace")
                    answer = asyncio.create_task(
                        self.platform.way.answering(lambda: job.state.url + job.prefix)
                    )
                if await self._next(job, answer):
                    self._still_wanted()
                    job.running()
                    return job.state.url
        finally:
            _cancel(answer)

    async def _next(self, job: Job, answer: asyncio.Task[Any] | None) -> bool:
        """Wait for news, but not longer than to the next look; return whether it answered."""
        news = answer or asyncio.create_task(job.registered.wait())
        pause = asyncio.create_task(self.platform.pause())
        try:
            await asyncio.wait({news, pause}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            pause.cancel()
            if news is not answer:
                news.cancel()
        if answer is None or not answer.done():
            return False
        answer.result()
        return True

    async def _look(self, job: Job) -> Described | None:
        """Describe the job and report it; ``None`` when AWS does not answer now."""
        try:
            described = await job.describe()
        except Unknown as error:
            self.context.log.info("Nothing is known of %s now: %s", job.name, error)
            self.context.report(
                Phase.SCHEDULE, "Waiting", cause="AWS does not answer now; asking again"
            )
            return None
        if not described.over and not job.registered.is_set():
            phase, text, cause = described.phase()
            self.context.report(phase, text, cause=cause)
        return described

    async def _survives(self, job: Job, described: Described) -> bool:
        """Return whether a job that is in progress goes on, after an interruption perhaps."""
        if not job.interrupted(described):
            return True
        log = self.context.log
        log.warning("The machine of %s was taken back; it boots again", job.name)
        try:
            await self._assign_again(job, described.interruptions)
            url = await self._until_answering(job)
            await self.context.moved(url)
        except (StartFailed, Unknown, Refused) as error:
            log.error("%s did not come back after an interruption: %s", job.name, error)
            if not self._given_up:
                await self.stop(now=True)
            return False
        return True

    # -- creating and removing --------------------------------------------------------------

    async def _remove_leftovers(self, job: Job, mark: str) -> None:
        """Stop what an earlier start of this workspace left, of which no state is known."""
        inventory, region, key = self.platform.inventory, job.state.region, self.context.key
        for name in await inventory.jobs_like(mark, key, region):
            self.context.log.warning("Stopping %s: an earlier job of this workspace", name)
            await inventory.stop_job(name, region)
        for name, owner in await inventory.secrets_like(mark, region):
            if owner == key:
                await inventory.delete_secret(name, region)

    async def _assign_again(self, job: Job, interruptions: int) -> None:
        async with self._lock:
            self._still_wanted()
            await job.assign_again(interruptions)

    async def _remove(self, *, wait: bool) -> None:
        self._given_up = True
        async with self._lock:
            job = self.job
            if job is None:
                return
            await job.take_away()
            if wait and job.state.step is Step.STOPPING:
                await job.until_over()
            self.job = None
            if self.platform.backends.get(self.context.key) is self:
                del self.platform.backends[self.context.key]

    # -- small things -----------------------------------------------------------------------

    def _take(self, state: JobState) -> Job:
        job = self.job = Job(self.platform, self.context, state)
        self.platform.backends[self.context.key] = self
        return job

    def _still_wanted(self) -> None:
        if self._given_up:
            raise StartFailed(
                "The workspace was stopped while it was starting.",
                reason="stopped",
                hint="Start it again.",
            )

    def _ended(self, described: Described) -> StartFailed:
        profile = self.context.profile
        return failures.ended(
            described.status or "absent",
            described.reason,
            instance_types(profile),
            self.platform.other_profiles(profile),
        )

    def _as_failure(self, error: BaseException) -> StartFailed | None:
        """Return what the person reads; ``None`` for errors that say it themselves."""
        if isinstance(error, Unknown):
            return failures.unreachable(error)
        if isinstance(error, Refused):
            profile = self.context.profile
            others = self.platform.other_profiles(profile)
            return failures.refusal(error, instance_types(profile), others)
        if isinstance(error, OSError):
            return failures.no_home(error)
        return None


def _cancel(task: asyncio.Task[Any] | None) -> None:
    """Cancel a task if there is one."""
    if task is not None:
        task.cancel()
