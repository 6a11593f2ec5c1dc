/** What the server says of a notebook's export; see the exporter's model. */
export interface IWarn {
  code: string;
  message: string;
  cell: number | null;
  line: number | null;
}

export interface IPort {
  name: string;
  variables: string[];
  type: string;
}

export interface IStage {
  name: string;
  title: string;
  cells: number[];
  inputs: IPort[];
  outputs: IPort[];
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
  cells: ICell[];
}

export interface IPreview {
  plan: IPlan;
  can: { verify: boolean; commit: boolean };
}

export interface IProblem {
  message: string;
  cell?: number | null;
  line?: number | null;
  hint?: string;
}

export interface IResult {
  files: string[];
  warnings: IWarn[];
  verification: unknown;
  commit: unknown;
}

export interface IEvent {
  step?: string;
  message?: string;
  result?: IResult;
  error?: IProblem;
}

export interface IJob {
  id: string;
  state: 'running' | 'done' | 'failed' | 'cancelled';
  next: number;
  events: IEvent[];
}
