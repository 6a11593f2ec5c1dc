import assert from 'node:assert/strict';
import { test } from 'node:test';

import { NO_EDITS, rename } from '../src/logic/edits.ts';
import type { IEvent, IJob, IOrder, JobState } from '../src/logic/model.ts';
import { Refused, type IServer } from '../src/logic/state.ts';
import { Store } from '../src/store.ts';
import { three } from './plan.ts';

const git = {
  ...{ repository: '/home/ada/work', current: 'main', branch: 'datalab/export-sales', exists: false },
  ...{ remote: '', web: '', author: 'Ada <ada@example.org>', problem: '', no_pull_request: 'no remote' }
};
const preview = { plan: three, presets: [], parameters: [], git };
const order: IOrder = { notebook: 'a.ipynb', edits: {}, folder: 'out', verify: true, git: null };
const job = (state: JobState, events: object[] = []) =>
  ({ id: '1', state, began: 0, now: 0, order, events }) as unknown as IJob;
const result = { at: 3, result: { plan: three, exported: { files: [] } } };

function server(more: Partial<IServer> = {}): IServer {
  return {
    preview: async () => preview,
    latest: async () => null,
    start: async () => job('running'),
    cancel: async () => job('cancelled'),
    job: async () => job('running'),
    follow: async () => 'done',
    ...more
  };
}

const store = (more: Partial<IServer>, save = async () => false) => new Store('a.ipynb', server(more), save, 1);

test('a panel that is opened shows the plan, and proposes a folder beside the notebook', async () => {
  const panel = store({}, async () => true);
  await panel.open(false);
  assert.equal(panel.state.view, 'plan');
  assert.equal(panel.state.form.folder, 'sales-pipeline');
  assert.equal(panel.state.saved, true);
});

test('a page that is loaded again goes on with the export that runs, and shows one that ended', async () => {
  const follow: IServer['follow'] = async (_, since, take) => {
    [{ at: 0, phase: 'analyse' }, result].slice(since).forEach(event => take(event as IEvent));
    return 'done';
  };
  for (const [found, restored, view] of [
    [job('running', [{ at: 0, phase: 'analyse' }]), false, 'result'],
    [job('done', [{ at: 0, phase: 'analyse' }, result]), true, 'result'],
    [job('done', [{ at: 0, phase: 'analyse' }, result]), false, 'plan']
  ] as const) {
    const panel = store({ latest: async () => found, follow });
    await panel.open(restored);
    assert.equal(panel.state.view, view);
    assert.equal(panel.state.form.folder, view === 'result' ? 'out' : 'sales-pipeline');
  }
});

test('events that were missed while the line was cut are asked for, each comes once', async () => {
  const asked: number[] = [];
  const follow: IServer['follow'] = async (_, since, take) => {
    asked.push(since);
    if (asked.length === 1) {
      take({ at: 0, phase: 'analyse' });
      throw new TypeError('network');
    }
    take(result as unknown as IEvent);
    return 'done';
  };
  const panel = store({ follow });
  await panel.open(false);
  await panel.export();
  assert.deepEqual(asked, [0, 1]);
  assert.equal(panel.state.job!.events.length, 2);
  assert.equal(panel.state.view, 'result');
  assert.equal(panel.state.offline, false);
});

test('an edit that the server refuses is told at its field, and the plan stays', async () => {
  const fields = { 'stages.4.name': 'means something else' };
  let refuse = false;
  const panel = store({
    preview: async () => {
      if (refuse) {
        throw new Refused({ message: 'no', fields });
      }
      return preview;
    }
  });
  await panel.open(false);
  refuse = true;
  assert.equal(await panel.edit(rename(NO_EDITS, three.stages[1], 'print')), false);
  assert.deepEqual(panel.state.wrong, fields);
  assert.equal(panel.state.view, 'plan');
  assert.deepEqual(panel.state.edits, NO_EDITS);
  assert.equal(panel.canUndo, false);
  await panel.export();
  assert.equal(panel.state.view, 'plan', 'nothing is exported while a field is wrong');
});

test('an edit is undone', async () => {
  const panel = store({});
  await panel.open(false);
  await panel.edit(rename(NO_EDITS, three.stages[1], 'tidy'));
  assert.equal(panel.state.edits.stages[4].name, 'tidy');
  await panel.undo();
  assert.deepEqual(panel.state.edits, NO_EDITS);
  assert.equal(panel.canUndo, false);
});

test('of two edits under way the later one is shown', async () => {
  const waiting: ((value: typeof preview) => void)[] = [];
  let slow = false;
  const panel = store({
    preview: () => (slow ? new Promise(done => waiting.push(done)) : Promise.resolve(preview))
  });
  await panel.open(false);
  slow = true;
  const one = panel.edit({ ...NO_EDITS, name: 'one' });
  const two = panel.edit({ ...NO_EDITS, name: 'two' });
  await new Promise(later => setTimeout(later, 5));
  waiting[1](preview);
  waiting[0](preview);
  await Promise.all([one, two]);
  assert.equal(panel.state.edits.name, 'two');
});

test('an export that is cancelled leads back to the plan and says so', async () => {
  const panel = store({ follow: async () => 'cancelled' });
  await panel.open(false);
  await panel.export();
  assert.equal(panel.state.view, 'plan');
  assert.match(panel.state.problem!.message, /cancelled/);
});

test('git is asked for what it can do, and for nothing else', async () => {
  const asked: IOrder[] = [];
  const start = async (one: IOrder) => {
    asked.push(one);
    return job('running', [result]);
  };
  for (const problem of ['', 'Git does not know who you are.']) {
    const panel = store({ start, preview: async () => ({ ...preview, git: { ...git, problem } }) });
    await panel.open(false);
    panel.fill({ git: { ...panel.state.form.git, pull_request: true } });
    await panel.export('mine');
  }
  assert.equal(asked[0].git?.pull_request, false);
  assert.equal(asked[0].git?.conflicts, 'mine');
  assert.equal(asked[1].git, null);
});

test('an export that runs already, in another tab, is shown', async () => {
  const panel = store({
    start: async () => {
      throw new Refused({ message: 'busy', job: '1' });
    },
    job: async () => job('running', [result])
  });
  await panel.open(false);
  await panel.export();
  assert.equal(panel.state.view, 'result');
});

test('a server that has gone is told as such, and asked again', async () => {
  let gone = true;
  const panel = store({
    latest: async () => {
      if (gone) {
        throw new TypeError('network');
      }
      return null;
    }
  });
  await panel.open(false);
  assert.equal(panel.state.view, 'refused');
  assert.equal(panel.state.offline, true);
  gone = false;
  await panel.plan();
  assert.equal(panel.state.view, 'plan');
  assert.equal(panel.state.offline, false);
});

test('a folder outside of the workspace is refused at its field before anybody is asked', async () => {
  const panel = store({
    start: async () => {
      throw new Error('must not be asked');
    }
  });
  await panel.open(false);
  panel.fill({ folder: '../elsewhere' });
  await panel.export();
  assert.match(panel.state.wrong.folder, /inside the workspace/);
  assert.equal(panel.state.problem, null);
});
