import assert from 'node:assert/strict';
import { test } from 'node:test';

import { boundaries, computeFor, folderFor, merge, none, place, rename, split, wrongName } from '../src/choices.ts';
import type { IPlan } from '../src/model.ts';

const stage = (name: string, cells: number[]) => ({
  name, cells, title: name, inputs: [], outputs: [], compute: ''
});
const plan: IPlan = {
  name: 'sales', title: 'Sales', parameters: [], warnings: [], whole: '', cells: [],
  stages: [stage('load', [1, 2]), stage('clean', [4, 5, 6]), stage('train', [8])]
};

test('merging takes away where the stage begins, splitting adds the cell', () => {
  assert.deepEqual(boundaries(plan), [1, 4, 8]);
  assert.deepEqual(merge(none(), plan, 1).boundaries, [1, 8]);
  assert.deepEqual(split(none(), plan, 5).boundaries, [1, 4, 5, 8]);
});

test('a stage renamed twice keeps the name before all edits as the key, and its compute', () => {
  const once = computeFor(rename(none(), 'clean', 'tidy'), 'tidy', 'Lambda()');
  const twice = rename(once, 'tidy', 'prepare');
  assert.deepEqual(twice.rename, { clean: 'prepare' });
  assert.deepEqual(twice.compute, { prepare: 'Lambda()' });
  assert.deepEqual(rename(twice, 'prepare', 'clean').rename, {});
});

test('names that Python or another stage would refuse are refused with a reason', () => {
  assert.match(wrongName(plan, 0, 'Load data'), /small letters/);
  assert.match(wrongName(plan, 0, 'train'), /Another stage/);
  assert.equal(wrongName(plan, 0, 'load'), '');
});

test('the project goes beside the notebook', () => {
  assert.equal(folderFor('work/sales.ipynb', 'sales'), 'work/sales-pipeline');
  assert.equal(folderFor('sales.ipynb', 'sales'), 'sales-pipeline');
});

test('places count from one, and are empty for the whole notebook', () => {
  assert.equal(place({ cell: 2, line: 5 }), 'Cell 3, line 5');
  assert.equal(place({ cell: null, line: null }), '');
});
