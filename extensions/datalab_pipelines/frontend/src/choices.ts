import type { IPlan } from './model.ts';

/** A person's edits of a plan, as the server takes them. */
export interface IChoices {
  rename: Record<string, string>;
  boundaries: number[] | null;
  compute: Record<string, string>;
  parameters: string[] | null;
  name: string;
}

export function none(): IChoices {
  return { rename: {}, boundaries: null, compute: {}, parameters: null, name: '' };
}

/** Why a stage cannot be called so; empty when it can. */
export function wrongName(plan: IPlan, index: number, name: string): string {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) {
    return 'Use small letters, digits and _, beginning with a letter.';
  }
  const taken = plan.stages.some((stage, at) => at !== index && stage.name === name);
  return taken ? `Another stage is called ${name}.` : '';
}

/** Rename a stage; an earlier new name is replaced, the name before all edits stays the key. */
export function rename(choices: IChoices, from: string, to: string): IChoices {
  const first =
    Object.entries(choices.rename).find(([, now]) => now === from)?.[0] ?? from;
  const { [first]: _, ...others } = choices.rename;
  const compute = { ...choices.compute };
  if (from in compute) {
    compute[to] = compute[from];
    delete compute[from];
  }
  return {
    ...choices,
    compute,
    rename: first === to ? others : { ...others, [first]: to }
  };
}

/** The cells with which the stages of a plan begin. */
export function boundaries(plan: IPlan): number[] {
  return plan.stages
    .map(stage => Math.min(...stage.cells))
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
}

/** Join a stage with the one before it. */
export function merge(choices: IChoices, plan: IPlan, index: number): IChoices {
  const gone = Math.min(...plan.stages[index].cells);
  return { ...choices, boundaries: boundaries(plan).filter(cell => cell !== gone) };
}

/** Let a stage begin at this cell. */
export function split(choices: IChoices, plan: IPlan, cell: number): IChoices {
  const all = new Set([...boundaries(plan), cell]);
  return { ...choices, boundaries: [...all].sort((a, b) => a - b) };
}

/** Choose where a stage runs; empty leaves it to the pipeline's default. */
export function computeFor(choices: IChoices, stage: string, value: string): IChoices {
  const { [stage]: _, ...others } = choices.compute;
  return { ...choices, compute: value ? { ...others, [stage]: value } : others };
}

/** Where the project goes unless a person says otherwise: beside the notebook. */
export function folderFor(notebook: string, name: string): string {
  const slash = notebook.lastIndexOf('/');
  return `${notebook.slice(0, slash + 1)}${name}-pipeline`;
}

/** A problem or warning with its place, as people count: cells and lines from 1. */
export function place(found: { cell?: number | null; line?: number | null }): string {
  if (found.cell === null || found.cell === undefined) {
    return '';
  }
  return `Cell ${found.cell + 1}${found.line ? `, line ${found.line}` : ''}`;
}
