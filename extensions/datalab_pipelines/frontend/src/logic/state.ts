import { NO_EDITS, type IEdits } from './edits.ts';
import type {
  IEvent,
  IGit,
  IJob,
  IOrder,
  IPreview,
  IProblem,
  IResult,
  JobState
} from './model.ts';

/** The server refused, and says why and where. */
export class Refused extends Error {
  readonly problem: IProblem;

  constructor(problem: IProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

export interface IServer {
  preview(notebook: string, edits: object, folder: string): Promise<IPreview>;
  latest(notebook: string): Promise<IJob | null>;
  start(order: IOrder): Promise<IJob>;
  cancel(job: string): Promise<IJob>;
  job(job: string): Promise<IJob>;
  follow(
    job: string,
    since: number,
    take: (event: IEvent) => void,
    signal: AbortSignal
  ): Promise<JobState>;
}

/** What the panel says of a project that is not written yet. */
export interface IForm {
  folder: string;
  verify: boolean;
  commit: boolean;
  git: IGit;
}

export interface IState {
  view: 'loading' | 'refused' | 'plan' | 'running' | 'result';
  /** An edit is being planned. */
  busy: boolean;
  preview: IPreview | null;
  problem: IProblem | null;
  /** The server does not answer. */
  offline: boolean;
  edits: IEdits;
  /** Field → what is wrong with what a person typed there. */
  wrong: Record<string, string>;
  form: IForm;
  /** Unsaved changes were saved before the notebook was read. */
  saved: boolean;
  /** The notebook has changed since it was read. */
  stale: boolean;
  job: IJob | null;
  /** The notebook's last export that went well. */
  last: IJob | null;
  result: IResult | null;
  /** For those who listen. */
  said: string;
}

export const START: IState = {
  view: 'loading',
  busy: false,
  preview: null,
  problem: null,
  offline: false,
  edits: NO_EDITS,
  wrong: {},
  form: {
    folder: '',
    verify: true,
    commit: true,
    git: { branch: '', message: '', switch: true, pull_request: false, conflicts: 'stop' }
  },
  saved: false,
  stale: false,
  job: null,
  last: null,
  result: null,
  said: ''
};
