import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CatalogPlace } from '@sluice/shared/contracts/model-catalog.ts';
import { createKnownModels } from '../../src/models/known-models.ts';
import { catalogModel } from './sample-models.ts';

const models = [catalogModel('xai.grok-4')];

/** A worker that says what the test says, and a clock that it sets. */
function open(says: () => readonly CatalogPlace[]) {
  const clock = { now: 0 };
  const asked = { times: 0 };
  const errors: unknown[] = [];
  const catalog = {
    async list() {
      asked.times += 1;
      return says();
    },
  };
  const known = createKnownModels({ catalog, now: () => clock.now, onError: (error) => errors.push(error) });
  return { known, clock, asked, errors };
}

test('known models: by place, asked every five seconds at most', async () => {
  const { known, clock, asked } = open(() => [
    { id: 'a', models },
    { id: 'b', models: [] },
    { id: 'c', models: null },
  ]);
  assert.deepEqual(
    await known(),
    new Map([
      ['a', models],
      ['b', []],
    ]),
  );
  clock.now = 4_999;
  await known();
  assert.equal(asked.times, 1);
  clock.now = 5_000;
  await known();
  assert.equal(asked.times, 2);
});

test('known models: a worker that knows less than one before takes nothing away; one that knows better does', async () => {
  let said: CatalogPlace = { id: 'a', models };
  const { known, clock } = open(() => [said]);
  await known();
  said = { id: 'a', models: null };
  clock.now = 10_000;
  assert.deepEqual(await known(), new Map([['a', models]]));
  said = { id: 'a', models: [] };
  clock.now = 20_000;
  assert.deepEqual(await known(), new Map([['a', []]]));
});

test('known models: without a worker nothing is known, or what was known an hour ago', async () => {
  let away = true;
  const { known, clock, asked, errors } = open(() => {
    if (away) throw new Error('no worker');
    return [{ id: 'a', models }];
  });
  assert.deepEqual(await known(), new Map());
  assert.deepEqual(await known(), new Map());
  assert.deepEqual([asked.times, errors.length], [1, 1], 'a failure is remembered');

  away = false;
  clock.now = 5_000;
  assert.equal((await known()).size, 1);
  away = true;
  clock.now = 3_000_000;
  assert.equal((await known()).size, 1);
  clock.now = 5_000 + 3_600_000;
  assert.equal((await known()).size, 0);
});
