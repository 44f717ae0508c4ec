import { cancelRequestCodec } from '../../contracts/cancel-request.ts';
import { tokenFrameCodec } from '../../contracts/token-event.ts';
import type { CancelListener, Inbox, Listening, TokenBus } from '../../ports/token-bus.ts';
import { collectCancels, hearCancels } from '../collect-cancels.ts';

/**
 * The token bus within one process. The same bytes go through the same codec as on NATS, and delivery is as
 * asynchronous, so what fails on the wire fails here too.
 */
export function createMemoryTokenBus(): TokenBus {
  const inboxes = new Map<string, Map<string, Listening>>();
  const cancelListeners = new Set<CancelListener>();
  let opened = 0;

  return {
    async openInbox(): Promise<Inbox> {
      opened += 1;
      const address = `memory-${opened}`;
      const listening = new Map<string, Listening>();
      inboxes.set(address, listening);
      return {
        address,
        listen(requestId, listener, awaits) {
          listening.set(requestId, { listener, awaits });
          return { [Symbol.dispose]: () => void listening.delete(requestId) };
        },
        [Symbol.asyncDispose]: async () => void inboxes.delete(address),
      };
    },
    publish(address, frame) {
      const bytes = tokenFrameCodec.encode(frame);
      setImmediate(() => {
        const decoded = tokenFrameCodec.decode(bytes);
        inboxes.get(address)?.get(decoded.requestId)?.listener(decoded);
      });
    },
    awaited: async (address, requestId, attempt) => inboxes.get(address)?.get(requestId)?.awaits(attempt) ?? 'nothing',
    isLive: () => true,
    cancel: collectCancels((message) => {
      for (const listener of cancelListeners) hearCancels(listener, cancelRequestCodec.decode(message));
    }),
    async onCancel(listener) {
      cancelListeners.add(listener);
      return { [Symbol.asyncDispose]: async () => void cancelListeners.delete(listener) };
    },
  };
}
