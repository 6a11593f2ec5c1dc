import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sentence, shorten } from '../src/logic/text.ts';

test('a sentence begins with a capital, a file or a piece of code stays as it is written', () => {
  assert.equal(sentence('the notebook is in R'), 'The notebook is in R');
  assert.equal(sentence('empty.ipynb has no code in it'), 'empty.ipynb has no code in it');
  assert.equal(sentence('`x` is not stored'), '`x` is not stored');
  assert.equal(sentence('nothing to do.'), 'Nothing to do.');
});

test('of a traceback the error itself is said, and the rest is kept', () => {
  const trace = '    open(path)\n  File "x.py", line 3, in f\nFileNotFoundError: no nowhere.csv';
  const { said, trace: kept } = shorten(`The notebook does not run:\n${trace}`);
  assert.equal(said, 'The notebook does not run:\nFileNotFoundError: no nowhere.csv');
  assert.equal(kept, trace);
});

test('a message of one or of several plain lines is said as it is', () => {
  for (const text of ['git: no such branch', 'Two things differ:\n`a` is 1\n`b` is 2']) {
    assert.deepEqual(shorten(text), { said: text, trace: '' });
  }
});
