import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import type { Cooldown, CooldownStore } from '../../src/ports/cooldown-store.ts';

interface Ends extends AsyncDisposable {
  /** As two workers have them. */
  readonly one: CooldownStore;
  readonly other: CooldownStore;
}

const minute = 60_000;

/** What every adapter of the cooldown store promises. */
export function cooldownStoreConformance(name: string, open: () => Promise<Ends>): void {
  // Adapters may keep what they are told by the clock of their server, so the tests' time is about now, in each file.
  const now = Math.ceil(Date.now() / minute) * minute;
  const at = (ms: number, windowMs = 5_000) => ({ now: now + ms, windowMs });

  test(`${name} cooldowns: calls of a minute are counted for all workers together`, async () => {
    await using ends = await open();
    const id = randomUUID();
    await ends.one.count(id, { requests: 3, failures: 0 }, at(0));
    await ends.one.count(randomUUID(), { requests: 5, failures: 5 }, at(0));
    const counts = await ends.other.count(id, { requests: 2, failures: 1 }, at(59_999));
    assert.deepEqual(counts, { requests: 5, failures: 1, recentFailures: 1 });
    const next = await ends.one.count(id, { requests: 1, failures: 1 }, at(minute));
    assert.deepEqual([next.requests, next.failures], [1, 1]);
  });

  test(`${name} cooldowns: failures that follow each other within the window are a run`, async () => {
    await using ends = await open();
    const id = randomUUID();
    const fail = async (store: CooldownStore) =>
      (await store.count(id, { requests: 1, failures: 1 }, at(0))).recentFailures;
    assert.deepEqual([await fail(ends.one), await fail(ends.other), await fail(ends.one)], [1, 2, 3]);
    const success = await ends.one.count(id, { requests: 1, failures: 0 }, at(0));
    assert.deepEqual(success, { requests: 4, failures: 3, recentFailures: 0 });
    assert.equal(await fail(ends.other), 4, 'a success ends no run');
  });

  test(`${name} cooldowns: with no window every failure is the first`, async () => {
    await using ends = await open();
    const id = randomUUID();
    for (const store of [ends.one, ends.other]) {
      const counts = await store.count(id, { requests: 1, failures: 1 }, at(0, 0));
      assert.equal(counts.recentFailures, 1);
    }
  });

  test(`${name} cooldowns: every worker hears of one within 100 ms; a shorter one changes nothing`, async () => {
    await using ends = await open();
    const id = randomUUID();
    const heard = [new Set<number>(), new Set<number>()];
    const listen = (nth: number) => (cooldown: Cooldown) => {
      if (cooldown.deploymentId === id) heard[nth]?.add(cooldown.until - now);
    };
    await using _one = await ends.one.watch(listen(0), () => now);
    await using _other = await ends.other.watch(listen(1), () => now);
    const begun = performance.now();
    await ends.one.coolDown({ deploymentId: id, until: now + 5_000 }, now);
    await waitUntil(() => heard.every(({ size }) => size === 1), { what: 'both have heard' });
    assert.ok(performance.now() - begun < 100);
    await ends.other.coolDown({ deploymentId: id, until: now + 4_000 }, now);
    await ends.other.coolDown({ deploymentId: id, until: now + 6_000 }, now);
    await waitUntil(() => heard.every((times) => times.has(6_000)), { what: 'the longer one' });
    for (const times of heard) assert.deepEqual([...times], [5_000, 6_000]);
  });

  test(`${name} cooldowns: whoever comes later is told of those that hold, and of no others`, async () => {
    await using ends = await open();
    const [holds, over] = [randomUUID(), randomUUID()];
    await ends.one.coolDown({ deploymentId: holds, until: now + 5_000 }, now);
    await ends.one.coolDown({ deploymentId: over, until: now + 1_000 }, now);
    const told = new Set<string>();
    await using _ = await ends.other.watch(
      ({ deploymentId }) => told.add(deploymentId),
      () => now + 2_000,
    );
    assert.deepEqual(
      [...told].filter((id) => id === holds || id === over),
      [holds],
    );
  });

  test(`${name} cooldowns: who has stopped watching hears nothing`, async () => {
    await using ends = await open();
    const id = randomUUID();
    const heard = [new Set<string>(), new Set<string>()];
    const listen = (nth: number) => (cooldown: Cooldown) => heard[nth]?.add(cooldown.deploymentId);
    const stopped = await ends.one.watch(listen(0), () => now);
    await using _ = await ends.one.watch(listen(1), () => now);
    await stopped[Symbol.asyncDispose]();
    await ends.one.coolDown({ deploymentId: id, until: now + 5_000 }, now);
    await waitUntil(() => heard[1]?.has(id), { what: 'the other has heard' });
    assert.ok(!heard[0]?.has(id));
  });
}
