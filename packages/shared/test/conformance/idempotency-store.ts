import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { keptAnswerBytesMax } from '../../src/contracts/kept-answer.ts';
import type { KeptAnswer } from '../../src/contracts/kept-answer.ts';
import { RequestId } from '../../src/ids.ts';
import type { IdempotencyClaim, IdempotencyStore } from '../../src/ports/idempotency-store.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';

interface Ends extends AsyncDisposable {
  /** Two processes' ends of one store. */
  readonly stores: readonly [IdempotencyStore, IdempotencyStore];
}

interface Times {
  readonly keptForMs?: number;
  readonly claimLeaseMs?: number;
}

const deadlineAt = 1_800_000_000_000;
const newRequest = () => RequestId.parse(`chatcmpl-${randomUUID()}`);
const newClaim = (scope: string = randomUUID()): IdempotencyClaim => ({ scope, requestId: newRequest() });
const rivalOf = ({ scope }: IdempotencyClaim): IdempotencyClaim => newClaim(scope);

export function answerOf({ requestId }: IdempotencyClaim, text = 'the sea – 海\u0000'): KeptAnswer {
  const usage = { inputTokens: 3, outputTokens: 4, cachedInputTokens: 0, reasoningTokens: 0 };
  return {
    version: 1,
    requestId,
    callId: 'asked-by-a-client',
    admittedAt: 1_799_999_999_000,
    events: [
      { type: 'text-delta', choice: 0, text },
      { type: 'choice-end', choice: 0, finishReason: 'stop' },
      { type: 'answer-end', usage, costNanoUsd: 5 },
    ],
  };
}

/** What every adapter of the idempotency store promises. */
export function idempotencyStoreConformance(name: string, open: (times: Times) => Promise<Ends>): void {
  const promise = (what: string, times: Times, body: (ends: Ends['stores']) => Promise<void>): void => {
    test(`${name} idempotency: ${what}`, async () => {
      await using ends = await open(times);
      await body(ends.stores);
    });
  };

  promise('of fifty that begin at once one has the record', {}, async ([here, there]) => {
    const { scope } = newClaim();
    const claims = Array.from({ length: 50 }, () => newClaim(scope));
    const begun = await Promise.all(claims.map((claim, nth) => (nth % 2 ? here : there).begin(claim, 'body')));
    const owners = claims.filter((_, nth) => begun[nth]?.type === 'claimed');
    assert.equal(owners.length, 1);
    const others = begun.filter(({ type }) => type !== 'claimed');
    const running = { type: 'running', requestId: owners[0]?.requestId, deadlineAt: null };
    assert.deepEqual(
      others,
      Array.from({ length: 49 }, () => running),
    );
  });

  promise('claimed, queued, finished: each is what the others see', {}, async ([here, there]) => {
    const claim = newClaim();
    const { requestId } = claim;
    assert.deepEqual(await here.begin(claim, 'body'), { type: 'claimed' });
    assert.deepEqual(await here.begin(claim, 'body'), { type: 'claimed' }, 'the owner renews');
    assert.equal(await here.queue(claim, deadlineAt), true);
    assert.equal(await here.queue(claim, deadlineAt), true, 'and may ask again, should a reply be lost');
    assert.deepEqual(await there.begin(rivalOf(claim), 'body'), { type: 'running', requestId, deadlineAt });
    const answer = answerOf(claim);
    await there.finish(claim, answer);
    for (const store of [here, there]) {
      assert.deepEqual(await store.begin(rivalOf(claim), 'body'), { type: 'finished', requestId, answer });
    }
  });

  promise('another body is told apart at every stage', {}, async ([here, there]) => {
    const claim = newClaim();
    const other = { type: 'other-body', requestId: claim.requestId };
    await here.begin(claim, 'body');
    assert.deepEqual(await there.begin(rivalOf(claim), 'other'), other);
    await here.queue(claim, deadlineAt);
    assert.deepEqual(await there.begin(rivalOf(claim), 'other'), other);
    await here.finish(claim, answerOf(claim));
    assert.deepEqual(await there.begin(rivalOf(claim), 'other'), other);
  });

  promise('scopes know nothing of each other', {}, async ([here]) => {
    for (const claim of [newClaim(), newClaim()])
      assert.deepEqual(await here.begin(claim, 'body'), { type: 'claimed' });
  });

  promise('what is forgotten is free, queued or not; what is finished stays', {}, async ([here, there]) => {
    const first = newClaim();
    await here.begin(first, 'body');
    await there.forget(first);
    const second = rivalOf(first);
    assert.deepEqual(await there.begin(second, 'other'), { type: 'claimed' });
    await there.queue(second, deadlineAt);
    await here.forget(second);
    const third = rivalOf(first);
    assert.deepEqual(await here.begin(third, 'body'), { type: 'claimed' });
    await here.queue(third, deadlineAt);
    await here.finish(third, answerOf(third));
    await here.forget(third);
    assert.equal((await there.begin(rivalOf(first), 'body')).type, 'finished');
  });

  promise(
    'what is discarded has no answer, and runs for nobody: only a finished record, and only of that request',
    {},
    async ([here, there]) => {
      const claim = newClaim();
      await here.begin(claim, 'body');
      await there.discard(claim);
      await here.queue(claim, deadlineAt);
      await there.discard(claim);
      assert.equal((await here.begin(rivalOf(claim), 'body')).type, 'running', 'it has not finished');
      assert.equal(await there.isFinished(claim), false);
      await here.finish(claim, answerOf(claim));
      assert.deepEqual([await there.isFinished(claim), await there.isFinished(rivalOf(claim))], [true, false]);
      await there.discard(rivalOf(claim));
      assert.equal((await here.begin(rivalOf(claim), 'body')).type, 'finished', 'it is not that request’s');
      await there.discard(claim);
      await there.discard(claim);
      assert.deepEqual(await here.begin(rivalOf(claim), 'body'), {
        type: 'finished',
        requestId: claim.requestId,
        answer: null,
      });
      assert.equal(await here.queue(rivalOf(claim), deadlineAt), false);
    },
  );

  promise('only the owner moves a record on', {}, async ([here, there]) => {
    const claim = newClaim();
    await here.begin(claim, 'body');
    const rival = rivalOf(claim);
    assert.equal(await there.queue(rival, deadlineAt), false);
    await there.forget(rival);
    await there.finish(rival, answerOf(rival));
    assert.equal(await here.queue(claim, deadlineAt), true);
    await there.forget(rival);
    await there.finish(rival, answerOf(rival));
    assert.equal((await there.begin(rival, 'body')).type, 'running');
  });

  promise('of two ends the first one stays', {}, async ([here, there]) => {
    const claim = newClaim();
    await here.begin(claim, 'body');
    await here.queue(claim, deadlineAt);
    await here.finish(claim, answerOf(claim, 'first'));
    await there.finish(claim, answerOf(claim, 'second'));
    await there.finish(claim, null);
    const begun = await here.begin(rivalOf(claim), 'body');
    assert.deepEqual(begun.type === 'finished' && begun.answer, answerOf(claim, 'first'));
  });

  promise('an answer that is too large is known to have been given, and is not kept', {}, async ([here, there]) => {
    const fits = newClaim();
    const tooLarge = newClaim();
    for (const claim of [fits, tooLarge]) {
      await here.begin(claim, 'body');
      await here.queue(claim, deadlineAt);
    }
    const text = 'x'.repeat(keptAnswerBytesMax - 1_000);
    await here.finish(fits, answerOf(fits, text));
    const { requestId } = fits;
    const kept = await there.begin(rivalOf(fits), 'body');
    assert.deepEqual(kept, { type: 'finished', requestId, answer: answerOf(fits, text) });
    await here.finish(tooLarge, answerOf(tooLarge, 'x'.repeat(keptAnswerBytesMax)));
    const told = { type: 'finished', requestId: tooLarge.requestId, answer: null };
    assert.deepEqual(await there.begin(rivalOf(tooLarge), 'body'), told);
  });

  promise('a claim that nobody renews comes free, and its owner may not run', { claimLeaseMs: 250 }, async (ends) => {
    const [here, there] = ends;
    const claim = newClaim();
    const rival = rivalOf(claim);
    await here.begin(claim, 'body');
    await waitUntil(async () => (await there.begin(rival, 'body')).type === 'claimed', { what: 'the lease to end' });
    assert.equal(await there.queue(rival, deadlineAt), true);
    assert.equal(await here.queue(claim, deadlineAt), false);
    await here.finish(claim, answerOf(claim));
    await here.forget(claim);
    assert.deepEqual(await here.begin(claim, 'body'), { type: 'running', requestId: rival.requestId, deadlineAt });
  });

  const brief = { claimLeaseMs: 250, keptForMs: 600 };
  promise('a queued record outlives the lease, and no record its time', brief, async ([here, there]) => {
    const claims = [newClaim(), newClaim()] as const;
    const [running, finished] = claims;
    const begunAt = performance.now();
    for (const claim of claims) {
      await here.begin(claim, 'body');
      await here.queue(claim, deadlineAt);
    }
    await here.finish(finished, answerOf(finished));
    for (const claim of claims) {
      const rival = rivalOf(claim);
      await waitUntil(async () => (await there.begin(rival, 'body')).type === 'claimed', { what: 'its time to pass' });
      assert.ok(performance.now() - begunAt > 590, 'kept while it ran');
    }
    assert.equal(await here.queue(running, deadlineAt), false);
  });

  promise('what may be asked for longer is kept for longer, until it is discarded', brief, async ([here, there]) => {
    const keptUntil = Date.now() + 3_600_000;
    const long = [newClaim(), newClaim()].map((claim) => ({ ...claim, keptUntil }));
    const usual = newClaim();
    for (const claim of [...long, usual]) {
      await here.begin(claim, 'body');
      await here.queue(claim, deadlineAt);
    }
    const [running, finished] = long;
    assert.ok(running && finished);
    const { scope, requestId } = finished;
    await there.finish({ scope, requestId }, answerOf(finished)); // a worker knows nothing of it
    const isFree = async () => (await there.begin(rivalOf(usual), 'body')).type === 'claimed';
    await waitUntil(isFree, { what: 'the time of others to pass' });
    const kept = { type: 'finished', requestId, answer: answerOf(finished) };
    assert.deepEqual(await there.begin(rivalOf(finished), 'body'), kept);
    const runs = { type: 'running', requestId: running.requestId, deadlineAt };
    assert.deepEqual(await there.begin(rivalOf(running), 'body'), runs);
  });
}
