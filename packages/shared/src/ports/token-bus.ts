import type { TokenFrame } from '../contracts/token-event.ts';
import type { RequestId } from '../ids.ts';

/** Carries answers, as they are written, from the workers to the ingress that serves the client. */
export interface TokenBus {
  /** Resolves once live: a frame published to `address` from now on arrives. Nothing earlier is replayed. */
  openInbox(): Promise<Inbox>;

  /**
   * Fire and forget: no listener is not an error. Frames of one publisher to one address arrive in order.
   * Frames larger than the bus can carry are the caller's mistake: see `frameBytesMax`.
   */
  publish(address: string, frame: TokenFrame): void;

  /**
   * Whether somebody listens for this request's frames at `address`. No answer within `awaitedTimeLimitMs` is a no:
   * nobody can be known to wait. Never fails.
   */
  isAwaited(address: string, requestId: RequestId): Promise<boolean>;

  /** False while the bus is known to be away: what is published then may arrive late or never. */
  isLive(): boolean;

  /**
   * Tells every worker, together with what else is cancelled in the same turn. Fire and forget: resolves when it has
   * been sent, and never fails.
   */
  cancel(requestId: RequestId): Promise<void>;

  /** Calls `listener` for every cancel from now on, with all that came together; resolves once live. */
  onCancel(listener: (requestIds: readonly RequestId[]) => void): Promise<AsyncDisposable>;
}

/** One ingress's address on the bus. */
export interface Inbox extends AsyncDisposable {
  readonly address: string;
  /**
   * Calls `listener` for each frame of this request until disposed. One listener per request; frames for
   * requests without one are dropped. The listener must not throw and must not block.
   */
  listen(requestId: RequestId, listener: (frame: TokenFrame) => void): Disposable;
}

/** As long as an ingress may take to be on the bus again after it was away. */
export const awaitedTimeLimitMs = 5_000;

/** The most bytes that an encoded frame may have; NATS refuses messages over 1 MiB by default. */
export const frameBytesMax = 512 * 1024;
