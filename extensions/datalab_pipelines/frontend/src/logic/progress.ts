import type { IEvent, IJob } from './model.ts';

export interface IPhase {
  phase: string;
  label: string;
  state: 'waiting' | 'active' | 'done' | 'failed';
  /** What it said last. */
  message: string;
  /** Seconds that it took, or has begun at. */
  from: number | null;
  to: number | null;
  /** Stages that it runs, in the order in which they came. */
  stages: { name: string; state: string }[];
  attempt: number;
}

const LABELS: Record<string, string> = {
  analyse: 'Read and plan',
  verify: 'Verify',
  write: 'Write the project',
  commit: 'Commit',
  pull_request: 'Open the pull request'
};

/** The phases that an export goes through, in order. */
function expected(order: IJob['order']): string[] {
  return [
    'analyse',
    ...(order.verify ? ['verify'] : []),
    'write',
    ...(order.git ? ['commit'] : []),
    ...(order.git?.pull_request ? ['pull_request'] : [])
  ];
}

/**
 * How far an export is: its phases, from what it has said so far.
 *
 * `stages`, where they are known, are those of the plan that is verified.
 */
export function progress(
  job: Pick<IJob, 'order' | 'events' | 'state'>,
  stages: string[] = []
): IPhase[] {
  const phases: IPhase[] = expected(job.order).map(phase => ({
    phase,
    label: LABELS[phase],
    state: 'waiting',
    message: '',
    from: null,
    to: null,
    stages: [],
    attempt: 0
  }));
  let active: IPhase | null = null;
  for (const event of job.events) {
    const now = phases.find(one => one.phase === event.phase);
    if (now && now !== active) {
      close(active, event.at);
      active = now;
      now.state = 'active';
      now.from ??= event.at;
    }
    if (active) {
      say(active, event);
    }
    if (event.result || event.error) {
      close(active, event.at, event.error ? 'failed' : 'done');
      active = null;
    }
  }
  const verify = phases.find(one => one.phase === 'verify');
  if (verify?.state === 'active' && verify.attempt < 2) {
    const rest = stages.filter(name => !verify.stages.some(one => one.name === name));
    verify.stages.push(...rest.map(name => ({ name, state: 'waiting' })));
  }
  return phases;
}

function close(phase: IPhase | null, at: number, state: 'done' | 'failed' = 'done'): void {
  if (phase) {
    phase.state = state;
    phase.to = at;
    if (state === 'done') {
      phase.message = '';
    }
  }
}

function say(phase: IPhase, event: IEvent): void {
  if (event.message) {
    phase.message = event.message;
  }
  if (event.stage) {
    if (event.attempt !== undefined && event.attempt !== phase.attempt) {
      phase.attempt = event.attempt;
      phase.stages = [];
    }
    const known = phase.stages.find(one => one.name === event.stage);
    const state = event.state ?? 'running';
    if (known) {
      known.state = state;
    } else {
      phase.stages.push({ name: event.stage, state });
    }
  }
}

/** What to tell somebody who listens instead of looking: only when it changes. */
export function announcement(phases: IPhase[]): string {
  const active = phases.find(one => one.state === 'active');
  return active ? [active.label, active.message].filter(Boolean).join(': ') : '';
}
