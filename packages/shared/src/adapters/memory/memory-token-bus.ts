import { cancelRequestCodec } from '../../contracts/cancel-request.ts';
import { tokenFrameCodec } from '../../contracts/token-event.ts';
import type { TokenFrame } from '../../contracts/token-event.ts';
import type { RequestId } from '../../ids.ts';
import type { Inbox, TokenBus } from '../../ports/token-bus.ts';
import { collectCancels } from '../collect-cancels.ts';

/**
 * The token bus within one process. The same bytes go through the same codec as on NATS, and delivery is as
 * asynchronous, so what fails on the wire fails here too.
 */
export function createMemoryTokenBus(): TokenBus {
  const inboxes = new Map<string, Map<string, (frame: TokenFrame) => void>>();
  const cancelListeners = new Set<(requestIds: readonly RequestId[]) => void>();
  let opened = 0;

  return {
    async openInbox(): Promise<Inbox> {
      opened += 1;
      const address = `memory-${opened}`;
      const listeners = new Map<string, (frame: TokenFrame) => void>();
      inboxes.set(address, listeners);
      return {
        address,
        listen(requestId, listener) {
          listeners.set(requestId, listener);
          return { [Symbol.dispose]: () => void listeners.delete(requestId) };
        },
        [Symbol.asyncDispose]: async () => void inboxes.delete(address),
      };
    },
    publish(address, frame) {
      const bytes = tokenFrameCodec.encode(frame);
      setImmediate(() => {
        const decoded = tokenFrameCodec.decode(bytes);
        inboxes.get(address)?.get(decoded.requestId)?.(decoded);
      });
    },
    isAwaited: async (address, requestId) => inboxes.get(address)?.has(requestId) ?? false,
    isLive: () => true,
    cancel: collectCancels((message) => {
      for (const listener of cancelListeners) listener(cancelRequestCodec.decode(message).requestIds);
    }),
    async onCancel(listener) {
      cancelListeners.add(listener);
      return { [Symbol.asyncDispose]: async () => void cancelListeners.delete(listener) };
    },
  };
}
