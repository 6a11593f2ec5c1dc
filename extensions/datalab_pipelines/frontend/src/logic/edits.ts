import type { IPlan, IStage } from './model.ts';

/** A person's edits of a plan. Stages go by their first cell, which other edits leave alone. */
export interface IEdits {
  name: string;
  boundaries: number[] | null;
  stages: Record<string, { name?: string; compute?: string }>;
  parameters: string[] | null;
}

export const NO_EDITS: IEdits = { name: '', boundaries: null, stages: {}, parameters: null };

export function first(stage: IStage): number {
  return Math.min(...stage.cells);
}

/** Why a stage cannot be called so; empty when it can. The server knows more reasons. */
export function wrongName(plan: IPlan, stage: IStage, name: string): string {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) {
    return 'Use small letters, digits and _, beginning with a letter.';
  }
  const taken = plan.stages.some(other => first(other) !== first(stage) && other.name === name);
  return taken ? `Another stage is called ${name}.` : '';
}

/** Why a pipeline cannot be called so; empty when it can. */
export function wrongPipeline(name: string): string {
  return /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) && name.length <= 40
    ? ''
    : 'Use small letters, digits and single dashes, beginning with a letter; at most 40.';
}

/** Why a project cannot be written there; empty when it can. */
export function wrongFolder(folder: string): string {
  if (!folder.trim()) {
    return 'Name the folder in which the project shall be.';
  }
  const out = folder.startsWith('/') || folder.split('/').includes('..');
  return out ? 'Name a folder inside the workspace, without a leading / and without “..”.' : '';
}

export function rename(edits: IEdits, stage: IStage, name: string): IEdits {
  return withStage(edits, first(stage), { name });
}

/** Choose where a stage runs; empty leaves it to the pipeline's default. */
export function computeFor(edits: IEdits, stage: IStage, compute: string): IEdits {
  return withStage(edits, first(stage), { compute });
}

function withStage(edits: IEdits, cell: number, change: object): IEdits {
  const stages = { ...edits.stages, [cell]: { ...edits.stages[cell], ...change } };
  return { ...edits, stages };
}

/** The cells with which the stages of a plan begin. */
export function boundaries(plan: IPlan): number[] {
  return plan.stages
    .map(first)
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
}

/** Join the stage at `index` with the one before it. */
export function merge(edits: IEdits, plan: IPlan, index: number): IEdits {
  const gone = first(plan.stages[index]);
  const { [gone]: _, ...stages } = edits.stages;
  return { ...edits, stages, boundaries: boundaries(plan).filter(cell => cell !== gone) };
}

/** Let a stage begin at this cell. */
export function split(edits: IEdits, plan: IPlan, cell: number): IEdits {
  const all = new Set([...boundaries(plan), cell]);
  return { ...edits, boundaries: [...all].sort((a, b) => a - b) };
}

/** Why a cell that a person let a stage begin at does not begin one; empty when it does. */
export function refusedSplit(plan: IPlan, cell: number): string {
  if (boundaries(plan).includes(cell)) {
    return '';
  }
  const why = plan.warnings.find(one => one.message.includes('stay in one stage') && one.cell !== null && one.cell <= cell);
  return why?.message ?? `Cell ${cell + 1} cannot begin a stage: nothing would be left to do.`;
}

/** Make something a parameter, or a constant of the code again. */
export function toggleParameter(edits: IEdits, plan: IPlan, name: string): IEdits {
  const now = plan.parameters.map(one => one.name);
  const parameters = now.includes(name) ? now.filter(one => one !== name) : [...now, name];
  return { ...edits, parameters };
}

/** Where the project goes unless a person says otherwise: beside the notebook. */
export function folderFor(notebook: string, name: string): string {
  const slash = notebook.lastIndexOf('/');
  return `${notebook.slice(0, slash + 1)}${name}-pipeline`;
}
