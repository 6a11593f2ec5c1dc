import assert from 'node:assert/strict';
import { test } from 'node:test';

import { accessWords, matches, place, statusOf } from '../src/sourcesWords.ts';
import type { ISource } from '../src/sourcesWords.ts';

const clock = (moment: number) => new Date(moment).toISOString().slice(11, 16);

function source(changes: Partial<ISource> = {}): ISource {
  return {
    name: 'lake',
    title: 'Data lake',
    kind: 's3',
    access: 'read',
    description: 'What the shops sold',
    facts: {},
    problem: '',
    offered: true,
    expires: null,
    default: false,
    snippets: [],
    ...changes
  };
}

test('a source is ready, in use until a time, refused, or not for this person', () => {
  assert.equal(statusOf(source(), clock).tone, 'ready');
  const held = statusOf(source({ expires: '2026-01-01T14:03:00Z' }), clock);
  assert.equal(held.tone, 'held');
  assert.match(held.sentence, /until 14:03/);
  const refused = statusOf(source({ problem: 'No.', expires: '2026-01-01T14:03:00Z' }), clock);
  assert.deepEqual([refused.tone, refused.sentence], ['failed', 'No.']);
  assert.equal(statusOf(source({ problem: 'No.', offered: false }), clock).tone, 'locked');
});

test('what one may do is said in words', () => {
  assert.equal(accessWords(source()), 'read only');
  assert.equal(accessWords(source({ access: 'write' })), 'read and write');
  assert.equal(accessWords(source({ offered: false })), 'no access');
});

test('every word that is typed has to be there, somewhere', () => {
  assert.ok(matches(source(), 'LAKE shops'));
  assert.ok(matches(source(), ''));
  assert.ok(!matches(source(), 'lake prices'));
});

test('code goes behind the line of the cursor and tears nothing apart', () => {
  const write = (text: string, cursor: number) => {
    const { at, text: code } = place(text, cursor, 'X');
    return text.slice(0, at) + code + text.slice(at);
  };
  assert.equal(write('', 0), 'X');
  assert.equal(write('a = 1', 2), 'a = 1\nX');
  assert.equal(write('a = 1\nb = 2', 3), 'a = 1\nX\nb = 2');
  assert.equal(write('a = 1\n', 6), 'a = 1\nX');
  assert.equal(write('a = 1\n\nb = 2', 6), 'a = 1\nX\nb = 2');
});
