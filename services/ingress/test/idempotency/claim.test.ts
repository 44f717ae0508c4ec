import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { createPostgresIdempotencyStore } from '@sluice/shared/adapters/postgres/postgres-idempotency-store.ts';
import { RequestId } from '@sluice/shared/ids.ts';
import { silentLogger } from '@sluice/shared/log.ts';
import { createClaimKey } from '../../src/idempotency/claim.ts';
import type { Claim, Claimed } from '../../src/idempotency/claim.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';

let sql: Awaited<ReturnType<typeof openKeysDatabase>>;
before(async () => {
  sql = await openKeysDatabase();
});
after(() => sql[Symbol.asyncDispose]());

/** A store, and claims on one key of it. */
function openClaims({ maxWaiting = 10 } = {}) {
  const postgres = createPostgresIdempotencyStore(sql, { onError: () => {} });
  let asked = 0;
  const begin: typeof postgres.begin = (...claim) => {
    asked += 1;
    return postgres.begin(...claim);
  };
  const store = { ...postgres, begin };
  const scope = randomUUID();
  const claimKey = createClaimKey({ store, log: silentLogger, now: Date.now, maxWaiting });
  const claim = (fingerprint = 'body', { signal = new AbortController().signal, waitMs = 5_000 } = {}) =>
    claimKey({ scope, requestId: newRequest(), fingerprint }, { signal, deadlineAt: Date.now() + waitMs });
  return { store, claim, scope, asked: () => asked };
}

const newRequest = () => RequestId.parse(`chatcmpl-${randomUUID()}`);

function toRun(claimed: Claimed): Claim {
  assert.equal(claimed.type, 'run');
  return claimed.claim;
}

test('claim: who waits has the key as soon as its owner gives it up', async () => {
  const { claim } = openClaims();
  const first = toRun(await claim());
  const waiting = claim();
  await first[Symbol.asyncDispose]();
  await toRun(await waiting)[Symbol.asyncDispose]();
});

test('claim: a request that was queued is not given up by leaving, only by being taken back', async () => {
  const { claim } = openClaims();
  const first = toRun(await claim());
  await first.queue(Date.now() + 5_000);
  await first[Symbol.asyncDispose]();
  await assert.rejects(claim('body', { waitMs: 60 }), { code: 'deadline_exceeded' });
  await first.forget();
  await toRun(await claim())[Symbol.asyncDispose]();
});

test('claim: long after its deadline a request whose end nobody told is not run again', async () => {
  const { claim } = openClaims();
  await using first = toRun(await claim());
  await first.queue(Date.now() - 11_000);
  const told = {
    code: 'answer_not_kept',
    message: /not known.*may have been billed/,
    headers: { 'x-should-retry': 'false' },
  };
  await assert.rejects(claim(), told);
});

test('claim: shortly after its deadline its end may still come', async () => {
  const { claim, store, scope } = openClaims();
  await using first = toRun(await claim());
  await first.queue(Date.now() - 1_000);
  const waiting = claim();
  const begun = await store.begin({ scope, requestId: newRequest() }, 'body');
  assert.equal(begun.type, 'running');
  await store.finish({ scope, requestId: RequestId.parse(begun.requestId) }, null);
  await assert.rejects(waiting, { code: 'answer_not_kept', message: /too large/ });
});

test('claim: another body is refused at once', async () => {
  const { claim } = openClaims();
  await using _ = toRun(await claim());
  await assert.rejects(claim('other'), { code: 'idempotency_key_reused' });
});

test('claim: a client who leaves waits no more', async () => {
  const { claim } = openClaims();
  await using _ = toRun(await claim());
  const leaving = new AbortController();
  const waiting = claim('body', { signal: leaving.signal });
  leaving.abort(new Error('gone'));
  await assert.rejects(waiting, /gone/);
});

test('claim: not more wait than may, and who has left makes room', async () => {
  const { claim, asked } = openClaims({ maxWaiting: 1 });
  await using _ = toRun(await claim());
  const leaving = new AbortController();
  const waiting = claim('body', { signal: leaving.signal });
  await waitUntil(() => asked() >= 3, { what: 'the second request to wait, and to ask again' });
  await assert.rejects(claim('body'), { code: 'overloaded' });
  leaving.abort(new Error('gone'));
  await assert.rejects(waiting, /gone/);
  await assert.rejects(claim('body', { waitMs: 1 }), { code: 'deadline_exceeded' });
});

test('claim: one that was lost does not run', async () => {
  const { claim, store, scope } = openClaims();
  const first = toRun(await claim());
  await first.forget();
  await store.begin({ scope, requestId: newRequest() }, 'body');
  await assert.rejects(first.queue(Date.now() + 5_000), { code: 'dependency_unavailable' });
  await first[Symbol.asyncDispose]();
  const begun = await store.begin({ scope, requestId: newRequest() }, 'body');
  assert.equal(begun.type, 'running', 'and takes nothing from who has it now');
});

test('claim: the lease is renewed while the request waits for its turn', async (t) => {
  const { store, scope, asked: renewals } = openClaims();
  const claimKey = createClaimKey({ store, log: silentLogger, now: Date.now });
  t.mock.timers.enable({ apis: ['setInterval'] });
  const request = { scope, requestId: newRequest(), fingerprint: 'body' };
  const claim = toRun(await claimKey(request, { signal: new AbortController().signal, deadlineAt: Date.now() }));
  t.mock.timers.tick(9_000);
  assert.ok(renewals() >= 3, 'within every lease');
  await claim.queue(Date.now());
  const renewedBefore = renewals();
  t.mock.timers.tick(60_000);
  assert.equal(renewals(), renewedBefore, 'and no longer than that');
});
