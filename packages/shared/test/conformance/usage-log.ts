import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UsageEvent } from '../../src/contracts/usage-event.ts';
import type { UsageLog, UsageSource } from '../../src/ports/usage-log.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { sampleUsageEvent } from './sample-usage-event.ts';

const batches = { batchSize: 10, maxWaitMs: 5 };

/** What every adapter of the usage log promises. Each `open` starts with an empty log. */
export function usageLogConformance(
  name: string,
  open: () => Promise<{ log: UsageLog; source: UsageSource } & AsyncDisposable>,
): void {
  test(`${name} usage log: every appended event is booked, whole, in batches of at most batchSize`, async () => {
    await using parts = await open();
    const booked: UsageEvent[] = [];
    await using _ = await parts.source.consume(batches, async (events) => {
      assert.ok(events.length <= batches.batchSize);
      booked.push(...events);
    });
    const events = Array.from({ length: 55 }, () => sampleUsageEvent());
    await Promise.all(events.map((event) => parts.log.append(event)));
    await waitUntil(() => booked.length === events.length, { what: 'all events' });
    const byId = (list: readonly UsageEvent[]) => new Map(list.map((event) => [event.callId, event]));
    assert.deepEqual(byId(booked), byId(events));
    await waitUntil(async () => (await parts.source.backlog()) === 0, { what: 'an empty backlog' });
  });

  test(`${name} usage log: what a ledger refuses comes again, and nothing is forgotten meanwhile`, async () => {
    await using parts = await open();
    const booked: string[] = [];
    let refusals = 2;
    await using _ = await parts.source.consume(batches, async (events) => {
      if (refusals > 0) {
        refusals -= 1;
        throw new Error('the books are closed');
      }
      booked.push(...events.map(({ callId }) => callId));
    });
    const events = Array.from({ length: 5 }, () => sampleUsageEvent());
    await Promise.all(events.map((event) => parts.log.append(event)));
    await waitUntil(() => new Set(booked).size === events.length, { what: 'all events' });
    await waitUntil(async () => (await parts.source.backlog()) === 0, { what: 'an empty backlog' });
  });

  test(`${name} usage log: an event appended before any ledger consumes is booked when one does`, async () => {
    await using parts = await open();
    const event = sampleUsageEvent();
    const appended = parts.log.append(event);
    const booked: string[] = [];
    await waitUntil(async () => (await parts.source.backlog()) === 1, { what: 'the backlog' });
    await using _ = await parts.source.consume(batches, async (events) => {
      booked.push(...events.map(({ callId }) => callId));
    });
    await appended;
    await waitUntil(() => booked.length === 1, { what: 'the event' });
    assert.deepEqual(booked, [event.callId]);
  });

  test(`${name} usage log: a consumer that closes books what it holds`, async () => {
    await using parts = await open();
    const booked: string[] = [];
    const consumer = await parts.source.consume({ batchSize: 100, maxWaitMs: 60_000 }, async (events) => {
      booked.push(...events.map(({ callId }) => callId));
    });
    const appended = parts.log.append(sampleUsageEvent());
    await waitUntil(async () => (await parts.source.backlog()) === 1, { what: 'the event' });
    await consumer[Symbol.asyncDispose]();
    if (booked.length === 0) {
      // It had not reached this consumer yet: the next one gets it.
      await using _ = await parts.source.consume(batches, async (events) => {
        booked.push(...events.map(({ callId }) => callId));
      });
      await waitUntil(() => booked.length === 1, { what: 'the event', deadlineMs: 40_000 });
    }
    await appended;
    assert.equal(booked.length, 1);
  });
}
