import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addDuration, parseDuration } from '../../src/time/duration.ts';

const accepted = [
  { text: '30s', unit: 'second', count: 30 },
  { text: '5m', unit: 'second', count: 300 },
  { text: '30min', unit: 'second', count: 1800 },
  { text: '2minutes', unit: 'second', count: 120 },
  { text: '24h', unit: 'second', count: 86_400 },
  { text: '2hours', unit: 'second', count: 7200 },
  { text: '30d', unit: 'day', count: 30 },
  { text: '30days', unit: 'day', count: 30 },
  { text: '1w', unit: 'day', count: 7 },
  { text: '1mo', unit: 'month', count: 1 },
  { text: '3months', unit: 'month', count: 3 },
  { text: 'hourly', unit: 'second', count: 3600 },
  { text: 'daily', unit: 'day', count: 1 },
  { text: 'weekly', unit: 'day', count: 7 },
  { text: 'monthly', unit: 'month', count: 1 },
  { text: 'yearly', unit: 'year', count: 1 },
  { text: '36500d', unit: 'day', count: 36_500 },
];

for (const { text, ...duration } of accepted) {
  test(`duration ${text} is ${duration.count} ${duration.unit}s`, () =>
    assert.deepEqual(parseDuration(text), duration));
}

for (const text of [null, undefined, '', 'none']) {
  test(`duration ${JSON.stringify(text)} is none`, () => assert.equal(parseDuration(text), null));
}

const refused = [
  '0d', '-1', '-1d', '1.5h', '30', 'd', '1 d', '1D', '1y', '1d2h', '30mars', 'forever', 'toString', '1constructor',
  '36501d', '9999999999s', '99999999999999999999d', ' 1d', '1d\n',
]; // prettier-ignore

for (const text of refused) {
  test(`duration ${JSON.stringify(text)} is refused with the accepted forms`, () =>
    assert.throws(() => parseDuration(text), /RangeError: Invalid duration .*30s, 5m, 24h, 30d, 1w, 1mo.*monthly/s));
}

const added = [
  { from: '2027-01-01T00:00:00.123Z', text: '1h', to: '2027-01-01T01:00:00.123Z', why: 'exact' },
  { from: '2027-03-01T12:30:00.000Z', text: '30d', to: '2027-03-31T12:30:00.000Z', why: 'exact, not to midnight' },
  { from: '2027-01-31T12:00:00.000Z', text: '1mo', to: '2027-02-28T12:00:00.000Z', why: 'a shorter month' },
  { from: '2028-01-31T12:00:00.000Z', text: '1mo', to: '2028-02-29T12:00:00.000Z', why: 'February of a leap year' },
  { from: '2027-12-15T00:00:00.000Z', text: '2mo', to: '2028-02-15T00:00:00.000Z', why: 'over new year' },
  { from: '2028-02-29T00:00:00.000Z', text: 'yearly', to: '2029-02-28T00:00:00.000Z', why: 'a leap day' },
];

for (const { from, text, to, why } of added) {
  test(`${from} plus ${text}: ${why}`, () => {
    const duration = parseDuration(text);
    assert.ok(duration);
    assert.equal(new Date(addDuration(Date.parse(from), duration)).toISOString(), to);
  });
}
