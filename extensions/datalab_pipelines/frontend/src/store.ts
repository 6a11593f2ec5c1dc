import { folderFor, NO_EDITS, wrongFolder, type IEdits } from './logic/edits.ts';
import type { Conflicts, IEvent, IJob, JobState } from './logic/model.ts';
import { Refused, START, type IForm, type IServer, type IState } from './logic/state.ts';

const PATIENCE = 2000; // milliseconds until a server that does not answer is asked again

/** What the panel knows and does; the views only draw its state. */
export class Store {
  constructor(
    notebook: string,
    server: IServer,
    save: () => Promise<boolean>,
    patience: number = PATIENCE
  ) {
    this._notebook = notebook;
    this._server = server;
    this._save = save;
    this._patience = patience;
  }

  get state(): IState {
    return this._state;
  }

  get canUndo(): boolean {
    return this._before.length > 0;
  }

  subscribe(listener: () => void): () => void {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  }

  /**
   * Show the plan, or the export that is under way.
   *
   * When the page was loaded again, `restored`, also one that has ended, as it was seen before.
   */
  async open(restored: boolean): Promise<void> {
    try {
      const last = await this._server.latest(this._notebook);
      this._set({ last: last?.state === 'done' ? last : null });
      const shown = restored ? ['running', 'cancelling', 'done'] : ['running', 'cancelling'];
      if (last && shown.includes(last.state)) {
        return await this.show(last);
      }
    } catch (error) {
      if (!(error instanceof Refused)) {
        return this._fail(error);
      }
    }
    await this.plan();
  }

  /** Show an export with what was ordered, up to its result. */
  async show(job: IJob): Promise<void> {
    const { edits, folder, verify, git } = job.order;
    const form = { ...this._state.form, folder, verify, commit: git !== null };
    this._set({ edits: { ...NO_EDITS, ...edits }, form: git ? { ...form, git } : form });
    await this._follow(job);
  }

  /** Save the notebook and plan it with `edits`; `said` is for those who listen. */
  plan(edits: IEdits = this._state.edits, said = ''): Promise<boolean> {
    return (this._planning = this._plan(edits, said));
  }

  /** Plan with other edits, which can be undone. */
  async edit(edits: IEdits, said = ''): Promise<boolean> {
    const before = this._state.edits;
    const done = await this.plan(edits, said);
    if (done) {
      this._before.push(before);
      this._set({});
    }
    return done;
  }

  async undo(): Promise<void> {
    const before = this._before.pop();
    if (before) {
      await this.plan(before, 'The last change is undone.');
    }
  }

  /** Say at a field what is wrong with it, or that nothing is. */
  mark(field: string, text: string): void {
    const { [field]: _, ...others } = this._state.wrong;
    this._set({ wrong: text ? { ...others, [field]: text } : others });
  }

  fill(form: Partial<IForm>): void {
    this._set({ form: { ...this._state.form, ...form } });
  }

  /** Ask again what git says of the folder. */
  async refill(): Promise<void> {
    if (!wrongFolder(this._state.form.folder)) {
      await this.plan();
    }
  }

  /** The notebook was changed in the editor. */
  changed(): void {
    if (!this._state.stale) {
      this._set({ stale: true });
    }
  }

  /** Save the notebook and export it; `conflicts` settles what a last attempt stopped at. */
  async export(conflicts: Conflicts = 'stop'): Promise<void> {
    await this._planning; // the button was pressed right after a text was changed
    const { form, edits, preview, view, wrong } = this._state;
    const folder = wrongFolder(form.folder);
    if (folder) {
      this.mark('folder', folder);
    }
    if (folder || view !== 'plan' || Object.keys(wrong).length) {
      return;
    }
    try {
      await this._save();
      const state = preview!.git;
      const git = form.commit && !state.problem ? { ...form.git, conflicts } : null;
      const { verify } = form;
      await this._follow(
        await this._server.start({
          ...{ notebook: this._notebook, edits, folder: form.folder.trim(), verify },
          git: git && { ...git, pull_request: git.pull_request && !state.no_pull_request }
        })
      );
    } catch (error) {
      const job = error instanceof Refused ? error.problem.job : undefined;
      if (!job) {
        return this._fail(error);
      }
      await this._follow(await this._server.job(job)); // it runs already, begun in another tab
    }
  }

  async cancel(): Promise<void> {
    const { job } = this._state;
    if (job) {
      this._set({ job: { ...job, state: 'cancelling' } });
      await this._server.cancel(job.id).catch(error => this._fail(error));
    }
  }

  dispose(): void {
    this._abort.abort();
    this._listeners.clear();
  }

  private async _plan(edits: IEdits, said: string): Promise<boolean> {
    const turn = ++this._turn;
    this._set(this._state.preview ? { busy: true, view: 'plan', result: null } : { view: 'loading' });
    try {
      const saved = await this._save();
      const preview = await this._server.preview(this._notebook, edits, this._state.form.folder);
      if (turn !== this._turn) {
        return false; // a later edit is under way
      }
      const folder = this._state.form.folder || folderFor(this._notebook, preview.plan.name);
      this._set({
        ...{ view: 'plan', busy: false, preview, edits, problem: null, wrong: {}, said },
        ...{ offline: false, stale: false, saved, result: null, job: null },
        form: { ...this._state.form, folder }
      });
      return true;
    } catch (error) {
      if (turn === this._turn) {
        this._fail(error);
      }
      return false;
    }
  }

  /** Show a job until it is over, through cuts of the line. */
  private async _follow(job: IJob): Promise<void> {
    const skew = Date.now() / 1000 - job.now;
    const began = job.began + skew; // by this browser's clock
    this._set({ view: 'running', problem: null, result: null, job: { ...job, began }, said: '' });
    const take = (event: IEvent) => {
      const now = this._state.job!;
      this._set({ job: { ...now, events: [...now.events, event] }, offline: false });
    };
    for (;;) {
      try {
        const since = this._state.job!.events.length;
        const state = await this._server.follow(job.id, since, take, this._abort.signal);
        return await this._over(state);
      } catch (error) {
        if (this._abort.signal.aborted) {
          return;
        }
        if (error instanceof Refused) {
          return this._fail(error);
        }
        this._set({ offline: true });
        await new Promise(later => setTimeout(later, this._patience));
      }
    }
  }

  private async _over(state: JobState): Promise<void> {
    const job = { ...this._state.job!, state };
    const last = job.events.at(-1);
    if (state === 'done' && last?.result) {
      return this._set({ view: 'result', job, last: job, result: last.result, offline: false });
    }
    const problem =
      state === 'cancelled'
        ? { message: 'The export was cancelled.', hint: 'Nothing half-written is left.' }
        : (last?.error ?? { message: 'The export ended without a word.' });
    if (await this.plan()) {
      this._set({ problem, wrong: problem.fields ?? {} });
    }
  }

  private _fail(error: unknown): void {
    const refused = error instanceof Refused;
    const problem = refused
      ? error.problem
      : {
          message: 'The server does not answer.',
          hint: `Perhaps the workspace has stopped, or the network is gone (${String(error)}).`
        };
    const view = this._state.preview ? 'plan' : 'refused';
    const wrong = (refused && error.problem.fields) || {};
    const told = Object.keys(wrong).length > 0 && view === 'plan';
    this._set({ view, busy: false, offline: !refused, wrong, problem: told ? null : problem });
  }

  private _set(change: Partial<IState>): void {
    this._state = { ...this._state, ...change };
    this._listeners.forEach(listener => listener());
  }

  private _state: IState = START;
  private _turn = 0;
  private _planning: Promise<boolean> | null = null;
  private _before: IEdits[] = [];
  private _listeners = new Set<() => void>();
  private _abort = new AbortController();
  private _notebook: string;
  private _server: IServer;
  private _save: () => Promise<boolean>;
  private _patience: number;
}
