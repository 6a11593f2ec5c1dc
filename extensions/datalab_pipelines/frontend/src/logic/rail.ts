import type { IPlan } from './model.ts';

export interface IVariable {
  name: string;
  /** Its type's dotted name; empty where that is not known. */
  type: string;
  /** It may be missing. */
  optional: boolean;
}

/** What one stage takes from another; no variables: it only has to come after it. */
export interface IEdge {
  from: number;
  to: number;
  variables: IVariable[];
  /** 0 is the line from stage to stage; others pass beside it, past the stages between. */
  lane: number;
}

/** The edges of a plan's graph, each with its lane. */
export function edges(plan: IPlan): IEdge[] {
  const found: IEdge[] = [];
  const index = new Map(plan.stages.map((stage, at) => [stage.name, at]));
  const edge = (from: number, to: number): IEdge => {
    const known = found.find(one => one.from === from && one.to === to);
    if (known) {
      return known;
    }
    found.push({ from, to, variables: [], lane: 0 });
    return found[found.length - 1];
  };
  plan.stages.forEach((stage, to) => {
    for (const port of stage.inputs) {
      const named = stage.sources?.[port.name]?.[0];
      const from = (named ? index.get(named) : undefined) ?? giver(plan, port.name, to);
      if (from === undefined || from >= to) {
        continue;
      }
      for (const name of port.variables) {
        const type = port.types?.[name] ?? (port.variables.length === 1 ? port.type : '');
        edge(from, to).variables.push({ name, type, optional: port.optional?.includes(name) ?? false });
      }
    }
    for (const name of stage.after ?? []) {
      const from = index.get(name);
      if (from !== undefined && from < to) {
        edge(from, to);
      }
    }
  });
  return lanes(found);
}

/** The nearest stage before `to` that gives a port of this name. */
function giver(plan: IPlan, port: string, to: number): number | undefined {
  for (let from = to - 1; from >= 0; from--) {
    if (plan.stages[from].outputs.some(one => one.name === port)) {
      return from;
    }
  }
  return to > 0 ? to - 1 : undefined;
}

/** Give edges that pass stages a lane of their own where they would overlap: short ones inside. */
function lanes(all: IEdge[]): IEdge[] {
  const sorted = [...all].sort((a, b) => a.to - a.from - (b.to - b.from) || a.from - b.from);
  for (const edge of sorted) {
    if (edge.to - edge.from < 2) {
      continue;
    }
    const taken = sorted
      .filter(one => one.lane > 0 && one !== edge && one.from < edge.to && edge.from < one.to)
      .map(one => one.lane);
    edge.lane = 1;
    while (taken.includes(edge.lane)) {
      edge.lane++;
    }
  }
  return all;
}

/** What of the lanes is to be drawn beside one stage. */
export interface ISegment {
  lane: number;
  part: 'through' | 'starts' | 'ends';
}

export function segments(all: IEdge[], stage: number): ISegment[] {
  return all
    .filter(edge => edge.lane > 0 && edge.from <= stage && stage <= edge.to)
    .map(edge => ({
      lane: edge.lane,
      part: edge.from === stage ? 'starts' : edge.to === stage ? 'ends' : 'through'
    }));
}
