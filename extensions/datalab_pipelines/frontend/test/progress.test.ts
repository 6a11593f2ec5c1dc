import assert from 'node:assert/strict';
import { test } from 'node:test';

import { announcement, progress } from '../src/logic/progress.ts';
import { Cutter } from '../src/logic/sse.ts';
import { count, duration, headline, place, python, span } from '../src/logic/text.ts';
import { stage } from './plan.ts';

const order = { edits: {}, folder: 'out', verify: true, git: null };
const job = (events: object[]) => ({ order, state: 'running' as const, events: events as never });

test('an export shows what is done, what it does, and what is to come', () => {
  const phases = progress(job([
    { at: 0, phase: 'analyse', message: 'Reading' },
    { at: 1, phase: 'verify', message: 'running the notebook twice' },
    { at: 5, phase: 'verify', stage: 'load', state: 'running', message: 'running load' },
    { at: 6, phase: 'verify', stage: 'load', state: 'succeeded' }
  ]));
  assert.deepEqual(phases.map(one => one.state), ['done', 'active', 'waiting']);
  assert.deepEqual([phases[0].from, phases[0].to], [0, 1]);
  assert.deepEqual(phases[1].stages, [{ name: 'load', state: 'succeeded' }]);
  assert.equal(announcement(phases), 'Verify: running load');
});

test('stages that are still to run are shown until a coarser pipeline is tried', () => {
  const events = [
    { at: 0, phase: 'verify', attempt: 1, stage: 'a', state: 'failed' },
    { at: 1, phase: 'verify', attempt: 2, stage: 'a_and_b', state: 'running' }
  ];
  const names = (from: object[]) =>
    progress(job(from), ['a', 'b'])[1].stages.map(one => `${one.name} ${one.state}`);
  assert.deepEqual(names(events.slice(0, 1)), ['a failed', 'b waiting']);
  assert.deepEqual(names(events), ['a_and_b running']);
});

test('a failure stays at the phase in which it happened', () => {
  const phases = progress(job([{ at: 0, phase: 'analyse' }, { at: 2, error: { message: 'no' } }]));
  assert.deepEqual(phases.map(one => one.state), ['failed', 'waiting', 'waiting']);
});

test('git and a pull request are phases only when they were ordered', () => {
  const git = { branch: '', message: '', switch: true, pull_request: true, conflicts: 'stop' as const };
  const phases = progress({ ...job([]), order: { ...order, verify: false, git } });
  assert.deepEqual(phases.map(one => one.phase), ['analyse', 'write', 'commit', 'pull_request']);
});

test('an event stream is read however it is cut', () => {
  const text = ': still here\n\nid: 0\ndata: {"at": 1}\n\nevent: end\r\ndata: {"state": "done"}\r\n\r\n';
  for (const size of [1, 2, 3, 7, 1000]) {
    const cutter = new Cutter();
    const found = [];
    for (let at = 0; at < text.length; at += size) {
      found.push(...cutter.push(text.slice(at, at + size)));
    }
    assert.deepEqual(found.map(one => [one.event, one.id, one.data]), [
      ['message', '0', '{"at": 1}'],
      ['end', '', '{"state": "done"}']
    ], `in pieces of ${size}`);
  }
});

test('texts count and name as people do', () => {
  assert.equal(place({ cell: 2, line: 5 }), 'Cell 3, line 5');
  assert.equal(place({ cell: null, line: null }), '');
  assert.equal(count(1, 'stage'), '1 stage');
  assert.equal(span(stage('a', [2, 3, 7])), 'cells 3–8');
  assert.equal(headline('# load\n\ndf = read()\n'), 'df = read()');
  assert.equal(headline('# only a comment'), '# only a comment');
  assert.equal(duration(75.9), '1:15');
  assert.deepEqual([true, null, 'a'].map(python), ['True', 'None', '"a"']);
});
