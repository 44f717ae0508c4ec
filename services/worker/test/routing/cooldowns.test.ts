import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { createMemoryCooldownStore } from '@sluice/shared/adapters/memory/memory-cooldown-store.ts';
import { silentLogger } from '@sluice/shared/log.ts';
import { openCooldowns } from '../../src/routing/cooldowns.ts';
import { deployment, refusal } from '../pipeline/recording-deps.ts';

const settings = { enabled: true, cooldownMs: 5_000, allowedFails: null, allowedFailsPolicy: {} };
const one = deployment('sample', 'A');

async function open(changes: Partial<typeof settings> = {}, store = createMemoryCooldownStore()) {
  const clock = { now: 1_000_000 };
  const begun: string[] = [];
  const cooldowns = await openCooldowns({
    store,
    settings: { ...settings, ...changes },
    log: silentLogger,
    now: () => clock.now,
    onCooldown: (id) => begun.push(id),
  });
  return { clock, begun, cooldowns, store, [Symbol.asyncDispose]: () => cooldowns[Symbol.asyncDispose]() };
}

test('cooldowns: one worker decides, the other knows, and both forget it in time', async () => {
  await using first = await open();
  await using second = await open({}, first.store);
  await first.cooldowns.failed(one, refusal('provider_throttled'), false);
  const until = first.clock.now + 5_000;
  assert.deepEqual([first.cooldowns.until('A'), second.cooldowns.until('A')], [until, until]);
  assert.deepEqual([first.begun, second.begun], [['A'], []]);
  first.clock.now = second.clock.now = until;
  assert.deepEqual([first.cooldowns.until('A'), second.cooldowns.until('A')], [null, null]);
});

test('cooldowns: a worker that comes later knows too', async () => {
  await using first = await open();
  await first.cooldowns.failed(one, refusal('provider_not_found'), true);
  await using later = await open({}, first.store);
  assert.notEqual(later.cooldowns.until('A'), null);
});

test('cooldowns: the failures of all workers count together', async () => {
  await using first = await open();
  await using second = await open({}, first.store);
  for (const each of [first, second, first, second]) {
    await each.cooldowns.failed(one, refusal('provider_failed'), false);
  }
  assert.equal(first.cooldowns.until('A'), null);
  await first.cooldowns.failed(one, refusal('provider_failed'), false);
  assert.notEqual(second.cooldowns.until('A'), null);
});

test('cooldowns: successes weigh against failures, those of other workers within a second', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    await using first = await open();
    await using second = await open({}, first.store);
    for (let calls = 0; calls < 5; calls += 1) first.cooldowns.succeeded('A');
    mock.timers.tick(1_000);
    for (let calls = 0; calls < 5; calls += 1) await second.cooldowns.failed(one, refusal('provider_failed'), false);
    assert.equal(second.cooldowns.until('A'), null, 'half of ten');
    second.cooldowns.succeeded('A');
    await second.cooldowns.failed(one, refusal('provider_failed'), false);
    assert.equal(second.cooldowns.until('A'), null, 'six of twelve: its own success was not late');
    await second.cooldowns.failed(one, refusal('provider_failed'), false);
    assert.notEqual(second.cooldowns.until('A'), null, 'seven of thirteen');
  } finally {
    mock.timers.reset();
  }
});

test('cooldowns: what is wrong with the request counts as a success', async () => {
  await using only = await open();
  for (let calls = 0; calls < 6; calls += 1) await only.cooldowns.failed(one, refusal('provider_bad_request'), false);
  for (let calls = 0; calls < 5; calls += 1) await only.cooldowns.failed(one, refusal('provider_failed'), false);
  assert.equal(only.cooldowns.until('A'), null);
});

test('cooldowns: no connection is nobody’s failure', async () => {
  await using only = await open();
  for (let calls = 0; calls < 9; calls += 1) await only.cooldowns.failed(one, refusal('provider_unreachable'), false);
  assert.equal(only.cooldowns.until('A'), null);
});

test('cooldowns: turned off, nothing is', async () => {
  await using first = await open();
  await using off = await open({ enabled: false }, first.store);
  await first.cooldowns.failed(one, refusal('provider_throttled'), false);
  await off.cooldowns.failed(one, refusal('provider_throttled'), false);
  assert.equal(off.cooldowns.until('A'), null);
});
