"""The hub's one spawner class: user options → profile → backend. It holds no platform code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from jupyterhub.spawner import Spawner
from traitlets import default

from .. import compat, metrics
from ..audit import clean_text
from ..catalog import Profile
from ..site import Site, site_of
from . import certificates
from .backend import Backend, Phase, WorkspaceContext
from .names import workspace_key
from .problems import StartFailed, StartProblem, StartRefused
from .progress import ProgressLog

if TYPE_CHECKING:
    from ..usage import Run

STATE_VERSION = 1
_TITLE_CHARS = 80
_RESUME_FAILED_HTTP_TIMEOUT = 1  # seconds; see get_url
_HUB_CLOCK = 1.0  # seconds by which the hub's clock for a start may run before ours


class WorkspaceSpawner(Spawner):
    """Starts workspaces on whatever platform their profile names."""

    cmd = ["datalab-workspace"]

    def __init__(self, **kwargs: Any) -> None:
        self.profile: Profile | None = None
        self.user_options: dict[str, Any]
        self.backend: Backend | None = None
        self.progress_log: ProgressLog | None = None
        self.run_id: int | None = None
        self._token_id: int | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._starting: asyncio.Task[str] | None = None
        super().__init__(**kwargs)

    # -- who and what -----------------------------------------------------------------------

    @property
    def site(self) -> Site:
        """The installation this spawner belongs to."""
        return site_of(self.user.settings)

    @property
    def db(self) -> Any:
        """The hub's database session (public on the user object)."""
        return self.user.db

    @property
    def groups(self) -> list[str]:
        """The groups that the hub knows for this person *now*."""
        return sorted(group.name for group in self.user.orm_user.groups)

    @property
    def title(self) -> str:
        """The person's own name for this workspace."""
        options = self.user_options or self.orm_spawner.user_options or {}
        return str(options.get("title") or self.name or "My workspace")

    @property
    def run(self) -> Run | None:
        """The entry in the usage ledger for the present run."""
        return self.site.ledger.get(self.run_id) if self.run_id is not None else None

    def holds_token(self, id: int) -> bool:
        """Return whether this is the hub token of the present run, by its database id."""
        return self._token_id == id

    # -- the form ---------------------------------------------------------------------------

    @default("options_form")
    def _options_form(self) -> Any:
        from ..web.cards import options_form

        return options_form

    @default("server_token_scopes")
    def _server_token_scopes(self) -> list[str]:
        # JupyterHub's `server` role, and File → Stop this workspace. The hub gives the token no
        # more of these than the person has.
        return ["users:activity!user", "access:servers!server", "delete:servers!server"]

    @default("apply_user_options")
    def _apply_user_options(self) -> Any:
        # run_pre_spawn_hook applies them; this only tells JupyterHub that somebody does.
        return lambda spawner, user_options: None

    def options_from_form(self, formdata: dict[str, list[str]]) -> dict[str, Any]:
        """Turn the posted form into user options; the profile is checked when the start begins."""
        options = {"profile": formdata.get("profile", [""])[0]}
        title = clean_text(formdata.get("title", [""])[0], _TITLE_CHARS).strip()
        return options | ({"title": title} if title else {})

    def resolve_profile(self, options: dict[str, Any]) -> Profile:
        """Return the profile that these options ask for, if this person may have it.

        Without a profile in the options (a plain API call, a bookmark) it is the first that the
        catalog offers to the person.

        Raises:
            StartRefused: unknown, or not for the person's groups.
        """
        catalog, name = self.site.catalog, options.get("profile")
        offered = catalog.profiles_for(self.groups)
        choices = ", ".join(profile.title for profile in offered) or "none"
        if not name:
            if offered:
                return offered[0]
            raise StartRefused(
                "No workspace is offered to your groups.",
                reason="group",
                hint="Ask the person who runs Datalab to add you to a group.",
            )
        for profile in offered:
            if profile.name == name:
                return profile
        if any(profile.name == name for profile in catalog.profiles):
            wanted = " or ".join(sorted(catalog.profile(str(name)).allowed_groups))
            raise StartRefused(
                f"{catalog.profile(str(name)).title} is for the group {wanted}, "
                f"and you are not in it.",
                reason="group",
                hint=f"You can use: {choices}. To get into the group, ask whoever keeps it.",
            )
        raise StartRefused(
            f"There is no workspace called {clean_text(str(name), 40)!r}.",
            reason="profile",
            hint=f"You can use: {choices}.",
        )

    def admit(self, options: dict[str, Any]) -> Profile:
        """Return the profile that these options ask for; a refusal is audited and counted.

        Raises:
            StartRefused: see :meth:`resolve_profile`.
        """
        try:
            return self.resolve_profile(options)
        except StartRefused as refusal:
            self._refused(refusal, clean_text(str(options.get("profile") or ""), 40))
            raise

    # -- start ------------------------------------------------------------------------------

    def run_pre_spawn_hook(self) -> Any:
        """Resolve the profile before the hub reads ``start_timeout`` and before anything exists."""
        profile = self.profile = self.admit(self.user_options)
        self.user_options = {**self.user_options, "profile": profile.name}
        self.orm_spawner.user_options = self.user_options
        self.start_timeout = self._hub_waits(profile)
        self.mem_limit = profile.resources.memory
        self.cpu_limit = profile.resources.cpu
        return super().run_pre_spawn_hook()

    async def start(self) -> str:
        """Start the workspace; see :meth:`Backend.start`."""
        assert self.profile is not None, "run_pre_spawn_hook() chooses the profile"
        profile, ledger = self.profile, self.site.ledger
        self.site.endings.pop((self.user.name, self.name), None)
        self._token_id = compat.token_id(self)
        self.run_id = ledger.begin(
            self.user.name,
            self.name,
            self.title,
            profile.name,
            profile.backend,
            profile.price_per_hour,
        )
        log = self.progress_log = ProgressLog(ledger.expected_start(profile.name))
        log.report(Phase.QUEUE, f"Preparing {profile.title}")
        self._audit("start", outcome="begun", detail={"profile": profile.name})
        try:
            self.backend = self._make_backend(profile)
            # A task of its own, so that `cancel_start` ends the backend's work and not the
            # hub's: `User.spawn` cleans up after an exception, not after a cancellation.
            self._starting = asyncio.create_task(self.backend.start())
            url = await self._starting
        except asyncio.CancelledError:
            if not self._starting or not self._starting.cancelled() or self._hub_cancels():
                # The hub cancels for two reasons: its patience is over, or DELETE on its API.
                late = log.elapsed > self.start_timeout - _HUB_CLOCK
                self._start_ended("cancelled", "timeout" if late else "cancelled")
                raise
            self._start_ended("cancelled", "cancelled")
            raise StartFailed("The start was cancelled.", reason="cancelled") from None
        except StartProblem as problem:
            self._start_ended("failed", problem.reason)
            raise
        except Exception as error:
            self._start_ended("failed", "error")
            self.log.exception("Starting %s on %s failed", self._log_name, profile.backend)
            raise StartFailed(
                f"{profile.title} could not be started: an unexpected error on our side.",
                reason="error",
                hint="Try again; if it happens twice, tell the person who runs Datalab.",
            ) from error
        log.finish()
        for phase, seconds in log.phase_seconds().items():
            metrics.observe_phase(profile.backend, phase, seconds)
        metrics.count_start(profile.backend, profile.name, "ok", "none")
        ledger.ready(self.run_id)
        self._audit("start", detail={"profile": profile.name, "seconds": round(log.elapsed, 3)})
        self._watch()
        return url

    def cancel_start(self) -> None:
        """End a start that is under way; it then fails with a sentence that says so.

        Also the second half of a start, after a restart of the hub: see :meth:`get_url`.
        """
        if self._starting is not None:
            self._starting.cancel()

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Yield JupyterHub progress events; the extra ``datalab`` key is for our page."""
        while self.progress_log is None:  # noqa: ASYNC110  # too short to be worth an event
            await asyncio.sleep(0.05)  # the hub is still creating tokens
        async for event in self.progress_log.follow():
            yield event

    # -- poll, stop, adoption ---------------------------------------------------------------

    async def poll(self) -> int | None:
        """Return ``None`` unless it is certain that the workspace does not run."""
        if self.backend is None:
            return 0
        try:
            return await self.backend.poll()
        except Exception:  # any other answer than None makes a starting hub forget the workspace
            self.log.exception("Asking about %s failed; taking it as running", self._log_name)
            return None

    async def get_url(self) -> str:
        """Adopt the workspace after a hub restart.

        Must not raise: an exception here ends the hub's start. When the workspace will never
        answer, the address in the database is returned with a short ``http_timeout``: the hub
        finds nobody there and stops the workspace, which is the wanted clean-up.
        """
        assert self.backend is not None, "the hub asks only after poll() said that it runs"
        log = self.progress_log = ProgressLog()
        log.report(Phase.BOOT, "Reconnecting after a restart of Datalab")
        self._starting = asyncio.create_task(self.backend.resume())
        try:
            url = await asyncio.wait_for(self._starting, self.start_timeout)
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and self._hub_cancels():
                raise
            # The hub's start must go on whatever a platform throws, or a person cancels.
            self.log.error("%s cannot be adopted and will be stopped: %r", self._log_name, error)
            self.http_timeout = _RESUME_FAILED_HTTP_TIMEOUT
            return str(self.server.url)
        finally:
            log.finish()
        try:
            await compat.move_server(self, url)
        except Exception:  # a proxy that does not answer now is no reason to stop the workspace
            self.log.exception("%s gets its route later", self._log_name)
        if self.run_id is not None:
            self.site.ledger.ready(self.run_id)
        self._watch()
        # The hub compares with the address that it knows, path included.
        known = str(self.server.url)
        return known if known.startswith(f"{url}/") else url

    async def stop(self, now: bool = False) -> None:
        """Stop the workspace; see :meth:`Backend.stop`."""
        self._unwatch()
        if self.backend is not None:
            async with compat.reachable(self, not now):
                await self.backend.stop(now)
        self._run_ended("stopped")

    def run_post_stop_hook(self) -> Any:
        """Close the books. JupyterHub calls this after every end, also when ``stop()`` was not."""
        self._unwatch()
        ending = self.backend.ending() if self.backend is not None else None
        if ending is not None:
            # JupyterHub drops this object now: what the person reads is kept by the site.
            self.site.endings[self.user.name, self.name] = ending.message
        self._run_ended("lost", reason=ending.reason if ending else "exited")
        if self._token_id is not None:
            compat.delete_token(self, self._token_id)
            self._token_id = None
        return super().run_post_stop_hook()

    # -- state ------------------------------------------------------------------------------

    def get_state(self) -> dict[str, Any]:
        """Return what a later hub needs: the profile as it was, and the backend's own state."""
        state: dict[str, Any] = super().get_state()
        if self.backend is not None and self.profile is not None:
            state["datalab"] = {
                "version": STATE_VERSION,
                "profile": self.profile.model_dump(mode="json", exclude_defaults=True),
                "run": self.run_id,
                "token": self._token_id,
                "backend": self.backend.get_state(),
            }
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Find the workspace again that an earlier hub started."""
        super().load_state(state)
        saved = state.get("datalab")
        if not saved:
            return
        # The profile as it was then: today's catalog may have changed or dropped it.
        self.profile = Profile.model_validate(saved["profile"])
        self.start_timeout = self._hub_waits(self.profile)
        self.run_id, self._token_id = saved.get("run"), saved.get("token")
        self.backend = self._make_backend(self.profile)
        self.backend.load_state(saved["backend"])

    def clear_state(self) -> None:
        """Forget the run; JupyterHub calls this before a start and after a stop."""
        super().clear_state()
        self.backend = None
        self.run_id = None

    # -- environment ------------------------------------------------------------------------

    def get_env(self) -> dict[str, str]:
        """Add what the workspace has to know about its profile."""
        env: dict[str, str] = super().get_env()
        if self.profile is not None:
            limits = {
                "DATALAB_IDLE_TIMEOUT": self.profile.idle_timeout,
                "DATALAB_MAX_RUNTIME": self.profile.max_runtime,
            }
            env.update(self.profile.environment)
            env.update({k: str(int(v.total_seconds())) for k, v in limits.items() if v is not None})
            env["DATALAB_PROFILE"] = self.profile.name
        env["DATALAB_TITLE"] = self.title
        return env

    # -- internal ---------------------------------------------------------------------------

    def _hub_waits(self, profile: Profile) -> int:
        epilogue = self.site.platform(profile.backend).epilogue
        return int(profile.start_timeout.total_seconds() + epilogue)

    def _make_backend(self, profile: Profile) -> Backend:
        image = self.site.catalog.images.get(profile.image) if profile.image else None
        context = WorkspaceContext(
            user=self.user.name,
            server=self.name,
            key=workspace_key(self.user.name, self.name),
            profile=profile,
            image=image,
            log=self.log,
            bind=self._bind,
            environment=self.get_env,
            arguments=self.get_args,
            save=lambda: compat.save_state(self),
            report=self._report,
            spawner=self,
            recognises=lambda token: compat.is_token(self, token, self._token_id),
            renew_token=self._renew_token,
            moved=lambda url: compat.move_server(self, url),
            certificates=lambda: certificates.of_workspace(self),
            certify=lambda certificate, name: certificates.reissue(self, certificate, name),
        )
        return self.site.platform(profile.backend).backend(context)

    @staticmethod
    def _hub_cancels() -> bool:
        """Return whether the cancellation came from outside (start timeout, shutdown)."""
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0

    def _renew_token(self) -> None:
        self._token_id = compat.renew_token(self, self._token_id)

    def _bind(self, ip: str, port: int) -> None:
        self.ip, self.port = ip, port

    def _report(self, phase: Phase, message: str, *, cause: str | None = None) -> None:
        if self.progress_log is not None:
            self.progress_log.report(phase, message, cause=cause)

    def _watch(self) -> None:
        """Tell the hub of a crash when it happens, not at its next poll."""
        backend = self.backend
        assert backend is not None

        async def watch() -> None:
            await backend.gone()
            await self.poll_and_notify()

        self._unwatch()
        self._watcher = asyncio.create_task(watch())

    def _unwatch(self) -> None:
        # The watcher itself ends up here, through poll_and_notify: it must not cancel itself.
        if self._watcher is not None and self._watcher is not asyncio.current_task():
            self._watcher.cancel()
        self._watcher = None

    def _refused(self, refusal: StartRefused, name: str) -> None:
        self._audit("refusal", outcome="refused", reason=refusal.reason, detail={"profile": name})
        known = {profile.name: profile for profile in self.site.catalog.profiles}.get(name)
        # Only names out of the catalog become labels: a label is kept for ever.
        metrics.count_start(
            known.backend if known else "none", name if known else "unknown", "refused",
            refusal.reason,
        )  # fmt: skip

    def _start_ended(self, outcome: str, reason: str) -> None:
        assert self.profile is not None
        if self.progress_log is not None:
            self.progress_log.finish()
        metrics.count_start(self.profile.backend, self.profile.name, outcome, reason)
        self._run_ended(outcome, reason)

    def _run_ended(self, outcome: str, reason: str | None = None) -> None:
        """Write the end into ledger and audit, once per run."""
        run_id, self.run_id = self.run_id, None
        if run_id is None:
            return
        self.site.ledger.end(run_id, outcome, reason)
        kind = "start" if outcome in {"failed", "cancelled"} else "stop"
        if kind == "stop" and self.profile is not None:
            metrics.count_end(self.profile.backend, self.profile.name, reason or outcome)
        self._audit(kind, outcome="ok" if outcome == "stopped" else outcome, reason=reason)

    def _audit(self, kind: str, **fields: Any) -> None:
        self.site.audit.record(kind, user=self.user.name, server=self.name, **fields)
