import assert from 'node:assert/strict';
import { test } from 'node:test';

import { saveAll, words } from '../src/stopping.ts';
import type { IDocument } from '../src/stopping.ts';

function document(path: string, more: Partial<IDocument> = {}): IDocument & { saves: number } {
  const made = {
    path,
    dirty: true,
    saves: 0,
    save: async () => {
      made.saves += 1;
    },
    ...more
  };
  return made;
}

test('what has changed is saved, once, and what has not is left alone', async () => {
  const notebook = document('a/work.ipynb');
  const sameAgain = document('a/work.ipynb');
  const untouched = document('notes.md', { dirty: false });
  const outcome = await saveAll([notebook, sameAgain, untouched]);
  assert.deepEqual(outcome, { saved: ['a/work.ipynb'], failed: [] });
  assert.equal(notebook.saves + sameAgain.saves, 1);
  assert.equal(untouched.saves, 0);
});

test('one that fails does not keep the others from being saved', async () => {
  const broken = document('full.csv', {
    save: () => Promise.reject(new Error('disk full'))
  });
  const outcome = await saveAll([broken, document('work.ipynb')]);
  assert.deepEqual(outcome, { saved: ['work.ipynb'], failed: ['full.csv'] });
  assert.match(words(outcome), /full\.csv could not be saved/);
});

test('the person reads what became of their work', () => {
  assert.match(words({ saved: [], failed: [] }), /everything that was open had been saved/);
  assert.match(words({ saved: ['x/a.ipynb'], failed: [] }), /; a\.ipynb has been saved\. You can/);
  assert.match(
    words({ saved: ['d', 'c', 'b', 'a'], failed: [] }),
    /a, b and 2 more have been saved/
  );
  const long = ['a-rather-long-name.ipynb', 'another-long-name.ipynb'];
  for (const outcome of [{ saved: long, failed: [] }, { saved: [], failed: long }]) {
    assert.ok(words(outcome).length <= 140, words(outcome));
  }
});
