import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  boundaries, computeFor, folderFor, merge, NO_EDITS, refusedSplit, rename, split, toggleParameter,
  wrongFolder, wrongName, wrongPipeline
} from '../src/logic/edits.ts';
import { plan, stage, three } from './plan.ts';

const [load, clean] = three.stages;

test('merging takes away where the stage begins, splitting adds the cell', () => {
  assert.deepEqual(boundaries(three), [1, 4, 8]);
  assert.deepEqual(merge(NO_EDITS, three, 1).boundaries, [1, 8]);
  assert.deepEqual(split(NO_EDITS, three, 5).boundaries, [1, 4, 5, 8]);
});

test('a stage keeps its name and compute when others change, and loses them when it is merged', () => {
  const edits = computeFor(rename(NO_EDITS, clean, 'tidy'), clean, 'Lambda()');
  assert.deepEqual(edits.stages, { 4: { name: 'tidy', compute: 'Lambda()' } });
  assert.deepEqual(split(edits, three, 2).stages, edits.stages);
  assert.deepEqual(merge(edits, three, 1).stages, {});
});

test('names that Python or another stage would refuse are refused with a reason', () => {
  assert.match(wrongName(three, load, 'Load data'), /small letters/);
  assert.match(wrongName(three, load, 'train'), /Another stage/);
  assert.equal(wrongName(three, load, 'load'), '');
});

test('pipelines are called as CloudFormation can call them', () => {
  assert.equal(wrongPipeline('churn-2'), '');
  for (const name of ['Churn', 'churn--2', '2-churn', 'churn-', 'c'.repeat(41)]) {
    assert.notEqual(wrongPipeline(name), '', name);
  }
});

test('a project goes inside the workspace, unless said otherwise beside the notebook', () => {
  assert.equal(folderFor('work/sales.ipynb', 'sales'), 'work/sales-pipeline');
  assert.equal(folderFor('sales.ipynb', 'sales'), 'sales-pipeline');
  assert.equal(wrongFolder('work/sales-pipeline'), '');
  assert.match(wrongFolder('/etc'), /inside the workspace/);
  assert.match(wrongFolder('a/../../b'), /inside the workspace/);
  assert.match(wrongFolder(' '), /Name the folder/);
});

test('a cell that cannot begin a stage says why', () => {
  const message = 'cells 5 to 7 stay in one stage: they share a connection';
  const warned = plan(three.stages, { warnings: [{ code: 'x', message, cell: 4, line: null }] });
  assert.equal(refusedSplit(warned, 5), message);
  assert.equal(refusedSplit(warned, 4), '');
  assert.match(refusedSplit(three, 6), /Cell 7 cannot begin a stage/);
});

test('a parameter becomes a constant, and a parameter again', () => {
  const seed = { name: 'seed', type: 'int', default: 7, cell: 0 };
  const on = plan([stage('load', [1])], { parameters: [seed] });
  assert.deepEqual(toggleParameter(NO_EDITS, on, 'seed').parameters, []);
  assert.deepEqual(toggleParameter(NO_EDITS, plan([]), 'seed').parameters, ['seed']);
});
