import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { cancelledMax } from '../../src/contracts/cancel-request.ts';
import type { TokenFrame } from '../../src/contracts/token-event.ts';
import { RequestId } from '../../src/ids.ts';
import type { AwaitedPart, TokenBus } from '../../src/ports/token-bus.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';

const newRequestId = () => RequestId.parse(`chatcmpl-${randomUUID()}`);

function frame(requestId: RequestId, seq: number, text = `piece ${seq}, 世界 🌍`): TokenFrame {
  return { version: 1, requestId, attempt: 1, seq, events: [{ type: 'text-delta', choice: 0, text }] };
}

/** What every adapter of the token bus promises. `open` gives two ends, as an ingress and a worker have. */
export function tokenBusConformance(
  name: string,
  open: () => Promise<{ ingress: TokenBus; worker: TokenBus } & AsyncDisposable>,
): void {
  test(`${name} bus: frames published after openInbox arrive whole and in order`, async () => {
    await using ends = await open();
    await using inbox = await ends.ingress.openInbox();
    const requestId = newRequestId();
    const seen: TokenFrame[] = [];
    using _ = inbox.listen(
      requestId,
      (arrived) => seen.push(arrived),
      () => 'answer',
    );
    const sent = Array.from({ length: 200 }, (_unused, seq) => frame(requestId, seq));
    for (const each of sent) ends.worker.publish(inbox.address, each);
    await waitUntil(() => seen.length === sent.length, { what: 'all frames' });
    assert.deepEqual(seen, sent);
  });

  test(`${name} bus: a frame reaches the listener of its request and inbox, and no other`, async () => {
    await using ends = await open();
    await using one = await ends.ingress.openInbox();
    await using other = await ends.ingress.openInbox();
    const [a, b] = [newRequestId(), newRequestId()];
    const seen: string[] = [];
    using _first = one.listen(
      a,
      () => seen.push('a'),
      () => 'answer',
    );
    using _second = one.listen(
      b,
      () => seen.push('b'),
      () => 'answer',
    );
    using _third = other.listen(
      a,
      () => seen.push('a in the other inbox'),
      () => 'answer',
    );
    ends.worker.publish(one.address, frame(newRequestId(), 0));
    ends.worker.publish(one.address, frame(a, 0));
    ends.worker.publish(one.address, frame(b, 0));
    await waitUntil(() => seen.length >= 2, { what: 'both frames' });
    assert.deepEqual(seen, ['a', 'b']);
  });

  test(`${name} bus: nothing arrives after the listener is disposed, and publishing to nobody is no error`, async () => {
    await using ends = await open();
    await using inbox = await ends.ingress.openInbox();
    const [gone, last] = [newRequestId(), newRequestId()];
    const seen: string[] = [];
    const listening = inbox.listen(
      gone,
      () => seen.push('gone'),
      () => 'answer',
    );
    listening[Symbol.dispose]();
    using _ = inbox.listen(
      last,
      () => seen.push('last'),
      () => 'answer',
    );
    ends.worker.publish('nobody', frame(gone, 0));
    ends.worker.publish(inbox.address, frame(gone, 0));
    ends.worker.publish(inbox.address, frame(last, 0));
    await waitUntil(() => seen.length > 0, { what: 'the last frame' });
    assert.deepEqual(seen, ['last']);
  });

  test(`${name} bus: a request is awaited where somebody listens for it, as long, and as they say`, async () => {
    await using ends = await open();
    await using inbox = await ends.ingress.openInbox();
    await using other = await ends.ingress.openInbox();
    const requestId = newRequestId();
    const asked: number[] = [];
    let awaited: AwaitedPart = 'answer';
    const listening = inbox.listen(
      requestId,
      () => {},
      (attempt) => {
        asked.push(attempt);
        return awaited;
      },
    );
    assert.equal(await ends.worker.awaited(inbox.address, requestId, 2), 'answer');
    awaited = 'rest';
    assert.equal(await ends.worker.awaited(inbox.address, requestId, 3), 'rest');
    assert.deepEqual(asked, [2, 3]);
    assert.equal(await ends.worker.awaited(inbox.address, newRequestId(), 2), 'nothing');
    assert.equal(await ends.worker.awaited(other.address, requestId, 2), 'nothing');
    listening[Symbol.dispose]();
    assert.equal(await ends.worker.awaited(inbox.address, requestId, 2), 'nothing');
  });

  test(`${name} bus: nothing is awaited at an inbox that is gone`, async () => {
    await using ends = await open();
    const inbox = await ends.ingress.openInbox();
    const requestId = newRequestId();
    using _ = inbox.listen(
      requestId,
      () => {},
      () => 'answer',
    );
    await inbox[Symbol.asyncDispose]();
    assert.equal(await ends.worker.awaited(inbox.address, requestId, 2), 'nothing');
  });

  test(`${name} bus: a cancel reaches every worker that listens`, async () => {
    await using ends = await open();
    const seen: string[] = [];
    await using _first = await ends.worker.onCancel((ids) => seen.push(...ids.map((id) => `a ${id}`)));
    await using _second = await ends.worker.onCancel((ids) => seen.push(...ids.map((id) => `b ${id}`)));
    const requestId = newRequestId();
    await ends.ingress.cancel(requestId);
    await waitUntil(() => seen.length === 2, { what: 'both cancels' });
    assert.deepEqual(seen.sort(), [`a ${requestId}`, `b ${requestId}`]);
  });

  test(`${name} bus: a cancel says whether a call that runs may go on, and those that differ come apart`, async () => {
    await using ends = await open();
    const seen: unknown[] = [];
    await using _ = await ends.worker.onCancel((ids, options) => seen.push([ids, options]));
    const [one, other] = [newRequestId(), newRequestId()];
    await Promise.all([ends.ingress.cancel(one, { unlessCalled: true }), ends.ingress.cancel(other)]);
    await waitUntil(() => seen.length === 2, { what: 'both cancels' });
    assert.deepEqual(seen, [
      [[one], { unlessCalled: true }],
      [[other], { unlessCalled: false }],
    ]);
  });

  test(`${name} bus: cancels of one turn come together, and none is lost`, async () => {
    await using ends = await open();
    const seen: string[][] = [];
    await using _ = await ends.worker.onCancel((ids) => seen.push([...ids]));
    const cancelled = Array.from({ length: cancelledMax + 1 }, newRequestId);
    await Promise.all(cancelled.map((id) => ends.ingress.cancel(id)));
    await waitUntil(() => seen.length === 2, { what: 'a full message, and one with the last' });
    assert.deepEqual(seen, [cancelled.slice(0, cancelledMax), cancelled.slice(cancelledMax)]);
  });
}
