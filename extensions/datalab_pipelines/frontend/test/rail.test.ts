import assert from 'node:assert/strict';
import { test } from 'node:test';

import { edges, segments } from '../src/logic/rail.ts';
import { plan, port, stage } from './plan.ts';

const diamond = plan([
    stage('load', [1], { outputs: [port('df')] }),
    stage('clean', [2], { inputs: [port('df', ['df'], 'pandas.DataFrame')], outputs: [port('tidy')], sources: { df: ['load', 'df'] } }),
    stage('plot', [3], { inputs: [port('df')], sources: { df: ['load', 'df'] } }),
    stage('train', [4], { inputs: [port('tidy')], sources: { tidy: ['clean', 'tidy'] }, after: ['plot'] })
]);

test('edges lead from where a variable comes from, with its type where it is known', () => {
  const all = edges(diamond);
  assert.deepEqual(all.map(one => [one.from, one.to]), [[0, 1], [0, 2], [1, 3], [2, 3]]);
  assert.deepEqual(all[0].variables, [{ name: 'df', type: 'pandas.DataFrame', optional: false }]);
  assert.deepEqual(all[3].variables, []);
});

test('only edges that pass a stage leave the line, and those that overlap are apart', () => {
  const lanes = Object.fromEntries(edges(diamond).map(one => [`${one.from}-${one.to}`, one.lane]));
  assert.equal(lanes['0-1'], 0);
  assert.equal(lanes['2-3'], 0);
  assert.notEqual(lanes['0-2'], lanes['1-3']);
  assert.deepEqual([lanes['0-2'], lanes['1-3']].sort(), [1, 2]);
});

test('beside a stage, lanes start, end and pass', () => {
  const all = edges(diamond);
  const parts = (at: number) => segments(all, at).map(one => one.part).sort();
  assert.deepEqual(parts(0), ['starts']);
  assert.deepEqual(parts(1), ['starts', 'through']);
  assert.deepEqual(parts(2), ['ends', 'through']);
  assert.deepEqual(parts(3), ['ends']);
});

test('without sources a variable comes from the nearest stage before that gives it', () => {
  const bundled = plan([
    stage('a', [1], { outputs: [port('variables', ['x', 'y'])] }),
    stage('b', [2], { inputs: [port('variables', ['x', 'y'])], outputs: [port('variables', ['y'])] }),
    stage('c', [3], { inputs: [port('variables', ['y'])] })
  ]);
  assert.deepEqual(edges(bundled).map(one => [one.from, one.to, one.variables.length]), [[0, 1, 2], [1, 2, 1]]);
});
