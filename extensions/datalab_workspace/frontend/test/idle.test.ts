import assert from 'node:assert/strict';
import { test } from 'node:test';

import { advise, span } from '../src/idle.ts';
import type { IIdleStatus } from '../src/idle.ts';

const NOW = '2026-01-01T12:00:00+00:00';
const clock = (moment: number) => new Date(moment).toISOString().slice(11, 16);

function status(secondsLeft: number | null, changes: Partial<IIdleStatus> = {}): IIdleStatus {
  const stops = secondsLeft === null ? null : new Date(Date.parse(NOW) + secondsLeft * 1000);
  return {
    idle_timeout: 3600,
    max_runtime: null,
    now: NOW,
    stops_at: stops ? stops.toISOString() : null,
    reason: stops ? 'idle' : null,
    warn_before: 300,
    ...changes
  };
}

test('says nothing where nothing is ever stopped', () => {
  assert.deepEqual(advise(status(null), clock), { message: '', extendable: false, checkIn: 60 });
});

test('says nothing while the stop is far, and looks again when a warning may be due', () => {
  assert.equal(advise(status(3600), clock).message, '');
  assert.equal(advise(status(3600), clock).checkIn, 60);
  assert.equal(advise(status(320), clock).checkIn, 20);
});

test('warns of an idle stop, by this computer\'s clock, and offers to put it off', () => {
  const here = Date.parse('2026-01-01T15:30:00Z'); // the server says noon
  const advice = advise(status(240), clock, here);
  assert.match(advice.message, /stops in 4 minutes, at 15:34/);
  assert.equal(advice.extendable, true);
  assert.equal(advice.checkIn, 30);
});

test('a limit on running cannot be put off, and the message does not offer it', () => {
  const advice = advise(status(60, { reason: 'max_runtime', max_runtime: 8 * 3600 }), clock);
  assert.match(advice.message, /its limit of 8 hours .*in 60 seconds/);
  assert.equal(advice.extendable, false);
});

test('looks often while a short limit runs out', () => {
  assert.equal(advise(status(2, { warn_before: 5 }), clock).checkIn, 1);
});

test('a stop that is due is not announced for the past', () => {
  assert.match(advise(status(-3), clock).message, /any moment now/);
});

test('spans read as people say them', () => {
  assert.equal(span(0.2), '1 second');
  assert.equal(span(89), '89 seconds');
  assert.equal(span(120), '2 minutes');
  assert.equal(span(5400), '1.5 hours');
  assert.equal(span(8 * 3600), '8 hours');
});
