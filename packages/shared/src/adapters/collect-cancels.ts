import { cancelledMax, cancelRequestCodec } from '../contracts/cancel-request.ts';
import type { CancelRequest } from '../contracts/cancel-request.ts';
import type { RequestId } from '../ids.ts';
import type { CancelListener, TokenBus } from '../ports/token-bus.ts';
import { announceAtEndOfTurn } from './end-of-turn.ts';

/**
 * Sends what is cancelled in one turn of the event loop in as few messages as carry it. A thousand clients that leave
 * together are then one message, and a worker has stopped all of their calls before it begins to book the first.
 *
 * @param send must not throw
 * @returns cancels a request; resolves when that has been sent
 */
export function collectCancels(send: (message: Uint8Array) => void): TokenBus['cancel'] {
  const [cancel, cancelUnlessCalled] = [collect(send, {}), collect(send, { unlessCalled: true })];
  return (requestId, { unlessCalled = false } = {}) => (unlessCalled ? cancelUnlessCalled : cancel)(requestId);
}

/** Tells `listener` what such a message says. */
export function hearCancels(listener: CancelListener, { requestIds, unlessCalled = false }: CancelRequest): void {
  listener(requestIds, { unlessCalled });
}

function collect(
  send: (message: Uint8Array) => void,
  how: Pick<CancelRequest, 'unlessCalled'>,
): (requestId: RequestId) => Promise<void> {
  let collected: RequestId[] = [];
  let sent = Promise.withResolvers<void>();

  return (requestId) => {
    if (collected.length === 0) announceAtEndOfTurn(sendAll);
    collected.push(requestId);
    return sent.promise;
  };

  function sendAll(): void {
    const [requestIds, { resolve }] = [collected, sent];
    collected = [];
    sent = Promise.withResolvers();
    for (let at = 0; at < requestIds.length; at += cancelledMax) {
      send(cancelRequestCodec.encode({ version: 1, requestIds: requestIds.slice(at, at + cancelledMax), ...how }));
    }
    resolve();
  }
}
