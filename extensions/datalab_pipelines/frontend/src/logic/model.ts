/** What the server says of a notebook's export; see the exporter's model. Cells count from 0. */

export interface IWarn {
  code: string;
  message: string;
  cell: number | null;
  line: number | null;
}

/** What flows between stages: one variable, or several that stay together. */
export interface IPort {
  name: string;
  variables: string[];
  type: string;
  /** Variable → dotted name of its type; empty where it is not known. */
  types?: Record<string, string>;
  /** Variables that may be missing. */
  optional?: string[];
}

export interface IStage {
  name: string;
  title: string;
  cells: number[];
  inputs: IPort[];
  outputs: IPort[];
  /** Input → the stage and the output that it comes from. */
  sources?: Record<string, [string, string]>;
  after?: string[];
  compute: string;
}

export interface ICell {
  index: number;
  kind: string;
  source: string;
}

export interface IParameter {
  name: string;
  type: string;
  default: unknown;
  cell: number;
}

export interface IPlan {
  name: string;
  title: string;
  stages: IStage[];
  parameters: IParameter[];
  warnings: IWarn[];
  whole: string;
  level: string;
  cells: ICell[];
}

/** Where a stage can run. */
export interface IPreset {
  value: string;
  label: string;
  detail: string;
}

export interface IPreview {
  plan: IPlan;
  presets: IPreset[];
  /** Everything that can be a parameter, chosen or not. */
  parameters: IParameter[];
  /** What git says of the target folder. */
  git: IGitState;
}

/** What git would do with a project in the target folder. */
export interface IGitState {
  /** Empty: exporting with git makes a new repository in the folder. */
  repository: string;
  /** The branch that is checked out; empty when none is. */
  current: string;
  /** The branch that the export would take. */
  branch: string;
  /** The branch or the folder holds an earlier export, with which this one is merged. */
  exists: boolean;
  remote: string;
  web: string;
  author: string;
  /** Why it cannot commit; empty when it can. */
  problem: string;
  /** Why no pull request is possible; empty when one is. */
  no_pull_request: string;
}

/** A refusal: what is wrong, where, what to do; `fields` are the inputs that it is about. */
export interface IProblem {
  message: string;
  cell?: number | null;
  line?: number | null;
  hint?: string;
  fields?: Record<string, string>;
  job?: string;
  /** Files that a person and the exporter have both changed since the last export. */
  conflicts?: { path: string; lines: [number, number][]; reason: string }[];
}

export interface IVerification {
  status: string;
  equal: string[];
  not_comparable: Record<string, string>;
  different: Record<string, string>;
  merged: string[];
  /** Cells that show what they show in the notebook. */
  outputs_equal?: number;
  /** Cell, counted from 1 → why what it shows cannot be compared. */
  outputs_not_comparable?: Record<string, string>;
  /** Stage → what it shows otherwise than the notebook. */
  shown_differently?: Record<string, string>;
  error: string;
}

/** Where a project went. */
export interface IExported {
  /** Relative to what the server shows. */
  folder: string;
  files: string[];
  /** The files lie in `folder` now; else only on the branch. */
  in_folder: boolean;
  repository: string | null;
  commit: string;
  branch: string;
  updated: boolean;
  pushed: string;
  pull_request: string;
  /** The commands that take it back, one a line. */
  undo: string;
  /** The command to see it. */
  next: string;
  notes: string[];
  problem: IProblem | null;
}

export interface IResult {
  plan: IPlan;
  exported: IExported;
  verification: IVerification | null;
}

/** News of an export; `at` is in seconds since it began. */
export interface IEvent {
  at: number;
  phase?: string;
  message?: string;
  stage?: string;
  state?: string;
  /** Which of the pipelines that are tried, each coarser than the one before. */
  attempt?: number;
  result?: IResult;
  error?: IProblem;
}

export type JobState = 'running' | 'cancelling' | 'cancelled' | 'done' | 'failed';

export type Conflicts = 'stop' | 'mine' | 'generated';

export interface IGit {
  branch: string;
  message: string;
  switch: boolean;
  pull_request: boolean;
  conflicts: Conflicts;
}

export interface IOrder {
  notebook: string;
  edits: object;
  folder: string;
  verify: boolean;
  git: IGit | null;
}

export interface IJob {
  id: string;
  state: JobState;
  began: number;
  now: number;
  order: { edits: object; folder: string; verify: boolean; git: IGit | null };
  events: IEvent[];
}
