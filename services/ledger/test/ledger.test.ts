import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UsedTokens } from '@sluice/shared/contracts/counted-tokens.ts';
import type { Balance, Settlement } from '@sluice/shared/ports/admission.ts';
import { waitUntil } from '../../../test/servers/wait-until.ts';
import { usageCostNanoUsd } from '@sluice/shared/prices/usage-cost.ts';
import { usedTokens } from '@sluice/shared/prices/usage-tokens.ts';
import { createPostgresBooks } from '../src/books.ts';
import { openLedger, type Ledger } from '../src/ledger.ts';
import { createListUsageSource } from './list-usage-source.ts';
import { useBooksServer, type Books } from './open-books.ts';
import { keyHashOf, startOfTests, usageEvent } from './usage-events.ts';

// So shallow that metadata of a size which a client can send are too deep for it.
const { openBooks, server } = useBooksServer({ max_stack_depth: '100kB' });

const cost = usageCostNanoUsd(usageEvent(1));

/** What admission has heard: the calls that ended, with their tokens, and the latest balance of each account. */
function createListener() {
  const ended = new Map<string, UsedTokens>();
  const balances = new Map<string, Balance>();
  let failing = false;
  return {
    ended,
    balances,
    fail: (now: boolean) => void (failing = now),
    async settle(settlement: Settlement) {
      if (failing) throw new Error('admission is down');
      for (const { callId, ...used } of settlement.calls) ended.set(callId, used);
      for (const balance of settlement.balances) {
        if (balance.version >= (balances.get(balance.id)?.version ?? 0)) balances.set(balance.id, balance);
      }
    },
  };
}

function openCase(books: Books, { batchSize = 10 } = {}) {
  const usage = createListUsageSource();
  const admission = createListener();
  const open = () =>
    openLedger({ books: createPostgresBooks(books.sql), usage, admission, batchSize, now: () => startOfTests });
  return { usage, admission, open, rows: () => books.query('select * from ledger.spend_rows order by admitted_at') };
}

const settled = (ledger: Ledger, count: number) =>
  waitUntil(() => ledger.stats.booked === count && ledger.stats.pendingSettlements === 0, { what: `${count} settled` });

test('usage is booked and settled', async () => {
  await using books = await openBooks();
  const { usage, admission, open, rows } = openCase(books);
  await using ledger = await open();
  const events = Array.from({ length: 25 }, (_, n) => usageEvent(n));
  usage.push(...events);
  await settled(ledger, 25);
  assert.equal((await rows()).length, 25);
  assert.deepEqual(admission.ended, new Map(events.map((event) => [event.callId, usedTokens(event)])));
  assert.equal(admission.balances.get(`key:${keyHashOf('sk-one')}`)?.settledNanoUsd, 25 * cost);
});

test('a batch that comes again after its commit is booked once and settled again', async () => {
  await using books = await openBooks();
  const { usage, admission, open, rows } = openCase(books);
  await using ledger = await open();
  usage.repeatNext();
  usage.push(usageEvent(1), usageEvent(2));
  await waitUntil(() => usage.unbooked.length === 0, { what: 'acknowledged' });
  assert.equal((await rows()).length, 2);
  assert.equal(ledger.stats.duplicates, 2);
  assert.equal(admission.balances.get(`key:${keyHashOf('sk-one')}`)?.settledNanoUsd, 2 * cost);
});

test('a call that comes again with other tokens ends with those that were booked, in its batch and by the next ledger', async () => {
  await using books = await openBooks();
  const { usage, admission, open, rows } = openCase(books);
  const [one, two] = [usageEvent(1), usageEvent(2)];
  const ceiling = { tokenCeiling: 9_000, usage: { ...one.usage, inputTokens: 7_000 } };
  const booked = usedTokens(one);
  admission.fail(true);
  {
    await using ledger = await open();
    usage.push(one);
    await waitUntil(() => ledger.stats.booked === 1 && usage.unbooked.length === 0, { what: 'booked, and not told' });
  }
  admission.fail(false);
  await using ledger = await open();
  usage.push({ ...one, ...ceiling }, two, { ...two, ...ceiling });
  await waitUntil(() => ledger.stats.duplicates === 2 && usage.unbooked.length === 0, { what: 'known as the same' });
  await waitUntil(() => ledger.stats.pendingSettlements === 0, { what: 'told' });
  assert.equal((await rows()).length, 2);
  assert.deepEqual(admission.ended, new Map([one, two].map(({ callId }) => [callId, booked])));
});

test('a ledger that died between commit and settlement is made up for by the next, also without a further event', async () => {
  await using books = await openBooks();
  const { usage, admission, open } = openCase(books);
  admission.fail(true);
  {
    await using ledger = await open();
    usage.push(usageEvent(1));
    await waitUntil(() => ledger.stats.booked === 1 && usage.unbooked.length === 0, {
      what: 'booked and acknowledged',
    });
  }
  assert.equal(admission.balances.size, 0);
  admission.fail(false);
  await using ledger = await open();
  assert.equal(ledger.stats.pendingSettlements, 0);
  assert.equal(admission.balances.get(`key:${keyHashOf('sk-one')}`)?.settledNanoUsd, cost);
});

test('admission that is down delays settlements and no booking', async () => {
  await using books = await openBooks();
  const { usage, admission, open } = openCase(books);
  await using ledger = await open();
  admission.fail(true);
  const events = Array.from({ length: 40 }, (_, n) => usageEvent(n));
  usage.push(...events);
  await waitUntil(() => ledger.stats.booked === 40 && usage.unbooked.length === 0, { what: 'all booked' });
  assert.equal(admission.ended.size, 0);
  assert.ok(ledger.stats.pendingSettlements > 0);
  admission.fail(false);
  await settled(ledger, 40);
  assert.equal(admission.ended.size, 40);
  assert.equal(admission.balances.get(`key:${keyHashOf('sk-one')}`)?.settledNanoUsd, 40 * cost);
});

test('an event that cannot be booked is kept apart, and the others of its batch are booked', async () => {
  await using books = await openBooks();
  const { usage, admission, open, rows } = openCase(books);
  await using ledger = await open();
  const events = Array.from({ length: 10 }, (_, n) => usageEvent(n));
  const dear = { ...usageEvent(7).usage, inputTokens: Number.MAX_SAFE_INTEGER };
  usage.push(...events.with(7, usageEvent(7, { usage: dear })));
  await waitUntil(() => usage.unbooked.length === 0, { what: 'acknowledged' });
  assert.equal((await rows()).length, 9);
  assert.equal(ledger.stats.rejected, 1);
  const [kept, ...more] = await books.query('select call_id, reason, booked, event from ledger.rejected_events');
  assert.deepEqual(more, []);
  assert.equal(kept?.call_id, usageEvent(7).callId);
  assert.equal(kept?.booked, false);
  assert.match(String(kept?.reason), /not an exact cost/);
  assert.deepEqual(JSON.parse(String(kept?.event)), usageEvent(7, { usage: dear }));
  assert.equal(admission.ended.has(usageEvent(7).callId), false, 'its reservation stands until it expires');
});

test('metadata that the database refuses cost the row its metadata and not the money', async () => {
  await using books = await openBooks();
  const { usage, open, rows } = openCase(books);
  await using ledger = await open();
  const deep: unknown = JSON.parse(`${'['.repeat(2_000)}${']'.repeat(2_000)}`);
  const origin = { ...usageEvent(1).origin, metadata: { deep } };
  usage.push(usageEvent(0), usageEvent(1, { origin }), usageEvent(2));
  await waitUntil(() => usage.unbooked.length === 0, { what: 'acknowledged' });
  assert.deepEqual(
    (await rows()).map((row) => [row.cost_nano_usd, row.request_metadata]),
    [
      [String(cost), { experiment: 'seven' }],
      [String(cost), {}],
      [String(cost), { experiment: 'seven' }],
    ],
  );
  assert.equal(ledger.stats.stripped, 1);
  const [kept] = await books.query('select reason, booked, event from ledger.rejected_events');
  assert.equal(kept?.booked, true);
  assert.match(String(kept?.reason), /stack depth/);
  assert.equal(kept?.event, JSON.stringify(usageEvent(1, { origin })));
});

test('with the database frozen or dead nothing is acknowledged, and booking goes on when it is back', async () => {
  await using books = await openBooks();
  const { usage, open, rows } = openCase(books);
  await using ledger = await open();
  usage.push(usageEvent(0));
  await settled(ledger, 1);

  await server().kill('SIGSTOP');
  usage.push(usageEvent(1));
  await waitUntil(() => ledger.stats.failedBatches > 0, { what: 'the batch fails' });
  assert.equal(usage.unbooked.length, 1);
  await server().kill('SIGCONT');
  await waitUntil(() => usage.unbooked.length === 0, { what: 'booked after the thaw' });

  await server().kill('SIGKILL');
  usage.push(usageEvent(2));
  const failed = ledger.stats.failedBatches;
  await waitUntil(() => ledger.stats.failedBatches > failed, { what: 'the batch fails' });
  assert.equal(usage.unbooked.length, 1);
  await server().start();
  await waitUntil(() => usage.unbooked.length === 0, { what: 'booked after the restart' });
  assert.equal((await rows()).length, 3);
  assert.equal(ledger.stats.rejected, 0);
});

test('two ledgers on one source book each call once', async () => {
  await using books = await openBooks();
  const one = openCase(books);
  const two = openCase(books);
  await using first = await one.open();
  await using second = await two.open();
  const events = Array.from({ length: 200 }, (_, n) => usageEvent(n));
  one.usage.push(...events);
  two.usage.push(...events.toReversed());
  await waitUntil(() => one.usage.unbooked.length + two.usage.unbooked.length === 0, { what: 'acknowledged' });
  assert.equal(first.stats.booked + second.stats.booked, 200);
  assert.equal(first.stats.failedBatches + second.stats.failedBatches, 0);
  assert.equal((await one.rows()).length, 200);
});
