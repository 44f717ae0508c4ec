import assert from 'node:assert/strict';
import { test } from 'node:test';
import { budgetWindow } from '../../src/time/budget-window.ts';
import { parseDuration, type Duration } from '../../src/time/duration.ts';

const createdAt = '2027-01-14T15:00:00.500Z'; // a Thursday

const cases = [
  { text: '1d', now: '2027-01-31T23:59:59.999Z', start: '2027-01-31', end: '2027-02-01', why: 'the calendar day, month end' },
  { text: '24h', now: '2028-02-28T10:00Z', start: '2028-02-28', end: '2028-02-29', why: 'as 1d; a leap day follows' },
  { text: '7d', now: '2027-01-17T23:59:59.999Z', start: '2027-01-11', end: '2027-01-18', why: 'Sunday is the last day of a week' },
  { text: '1w', now: '2027-01-18', start: '2027-01-18', end: '2027-01-25', why: 'Monday is the first' },
  { text: 'weekly', now: '2027-01-20', start: '2027-01-18', end: '2027-01-25', why: 'as 1w' },
  { text: '30d', now: '2027-02-13T15:00:00.499Z', start: createdAt, end: '2027-02-13T15:00:00.500Z', why: 'true 30 days from creation' },
  { text: '30d', now: '2027-02-13T15:00:00.500Z', start: '2027-02-13T15:00:00.500Z', end: '2027-03-15T15:00:00.500Z', why: 'the next 30' },
  { text: '10d', now: '2027-01-24', start: '2027-01-24', end: '2027-02-03', why: 'from the midnight of creation' },
  { text: '2w', now: '2027-01-27T23:00Z', start: '2027-01-14', end: '2027-01-28', why: 'from the midnight of creation' },
  { text: '1h', now: '2027-01-31T10:59Z', start: '2027-01-31T10:00Z', end: '2027-01-31T11:00Z', why: 'the hour' },
  { text: '6h', now: '2027-01-31T23:00Z', start: '2027-01-31T18:00Z', end: '2027-02-01', why: 'multiples since midnight' },
  { text: '5h', now: '2027-01-31T23:00Z', start: '2027-01-31T20:00Z', end: '2027-02-01', why: 'midnight cuts the last' },
  { text: '36h', now: '2027-01-15T13:00Z', start: '2027-01-15T12:00Z', end: '2027-01-17', why: 'longer than a day: from the midnight of creation' },
  { text: '48h', now: '2027-01-17T13:00Z', start: '2027-01-16', end: '2027-01-18', why: 'as 2d' },
  { text: '15m', now: '2027-01-31T10:44:59Z', start: '2027-01-31T10:30Z', end: '2027-01-31T10:45Z', why: 'aligned' },
  { text: '5s', now: '2027-01-31T10:44:59.999Z', start: '2027-01-31T10:44:55Z', end: '2027-01-31T10:45Z', why: 'aligned' },
  { text: '1mo', now: '2028-02-29T23:59Z', start: '2028-02-01', end: '2028-03-01', why: 'the calendar month, leap year' },
  { text: 'monthly', now: '2027-12-31', start: '2027-12-01', end: '2028-01-01', why: 'as 1mo; over new year' },
  { text: '3mo', now: '2027-04-01', start: '2027-04-01', end: '2027-07-01', why: 'three months from the month of creation' },
  { text: '3mo', now: '2026-12-31', start: '2026-10-01', end: '2027-01-01', why: 'a clock behind the one that created it' },
  { text: 'yearly', now: '2028-12-31', start: '2028-01-01', end: '2029-01-01', why: 'the calendar year' },
  { text: '1d', timeZone: 'Europe/Zurich', now: '2027-03-28T12:00Z', start: '2027-03-27T23:00Z', end: '2027-03-28T22:00Z', why: 'a day of 23 hours' },
  { text: '1mo', timeZone: 'America/New_York', now: '2027-11-05', start: '2027-11-01T04:00Z', end: '2027-12-01T05:00Z', why: 'local midnights' },
  { text: '1d', timeZone: 'America/Havana', now: '2027-03-14T12:00Z', start: '2027-03-14T05:00Z', end: '2027-03-15T04:00Z', why: 'midnight does not exist' },
]; // prettier-ignore

for (const { text, now, start, end, why, timeZone } of cases) {
  test(`budget window of ${text} at ${now}: ${why}`, () => {
    const window = budgetWindow(durationOf(text), Date.parse(createdAt), Date.parse(now), timeZone);
    assert.deepEqual(window, { start: Date.parse(start), end: Date.parse(end) });
  });
}

const durations = [
  '1s',
  '7s',
  '1m',
  '45m',
  '1h',
  '5h',
  '24h',
  '36h',
  '1d',
  '3d',
  '7d',
  '2w',
  '30d',
  '1mo',
  '5mo',
  'yearly',
];
const timeZones = ['UTC', 'Europe/Zurich', 'America/Havana', 'Asia/Kathmandu', 'Pacific/Apia', 'Australia/Lord_Howe'];

for (const timeZone of timeZones) {
  test(`budget windows tile time without gap or overlap: ${timeZone}`, () => {
    const random = randomFrom(20_270_114);
    for (const text of durations) {
      const duration = durationOf(text);
      for (let round = 0; round < 60; round += 1) {
        const created = Math.floor(Date.UTC(2011, 0, 1) + random() * Date.UTC(1990, 0, 1));
        const now = Math.floor(Date.UTC(2011, 0, 1) + random() * Date.UTC(1990, 0, 1));
        const at = (time: number) => budgetWindow(duration, created, time, timeZone);
        const { start, end } = at(now);
        const inside = `${text} created ${created} at ${now}`;
        assert.ok(start <= now && now < end, inside);
        assert.deepEqual(at(start), { start, end }, inside);
        assert.deepEqual(at(end - 1), { start, end }, inside);
        assert.equal(at(start - 1).end, start, inside);
        assert.equal(at(end).start, end, inside);
      }
    }
  });
}

test('budget windows tile a whole year around changes of clocks at midnight', () => {
  const created = Date.UTC(2011, 5, 5, 5);
  for (const timeZone of ['America/Sao_Paulo', 'America/Havana', 'Pacific/Apia']) {
    let { end } = budgetWindow(durationOf('1d'), created, Date.UTC(2011, 0, 1), timeZone);
    for (let day = 0; day < 400; day += 1) {
      const next = budgetWindow(durationOf('1d'), created, end, timeZone);
      assert.equal(next.start, end, timeZone);
      assert.ok(next.end - next.start <= 25 * 3_600_000, timeZone);
      end = next.end;
    }
  }
});

function durationOf(text: string): Duration {
  const duration = parseDuration(text);
  assert.ok(duration);
  return duration;
}

/** mulberry32: the same numbers in every run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
