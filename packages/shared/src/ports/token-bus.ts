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
   * What whoever listens for this request's frames at `address` still waits for. If that is an answer, it is from now on
   * one of this attempt, or of a later one. Without a reply within `awaitedTimeLimitMs` it is `nothing`: nobody can be
   * known to wait. Never fails.
   */
  awaited(address: string, requestId: RequestId, attempt: number): Promise<AwaitedPart>;

  /** False while the bus is known to be away: what is published then may arrive late or never. */
  isLive(): boolean;

  /**
   * Tells every worker, together with what else is cancelled in the same turn. Fire and forget: resolves when it has
   * been sent, and never fails.
   */
  cancel(requestId: RequestId, options?: CancelOptions): Promise<void>;

  /** Calls `listener` for every cancel from now on, with all that came together; resolves once live. */
  onCancel(listener: CancelListener): Promise<AsyncDisposable>;
}

export interface CancelOptions {
  /** A call that runs goes on, and no other is made. Absent: it is stopped, if that is how the gateway is set. */
  readonly unlessCalled?: boolean;
}

export type CancelListener = (requestIds: readonly RequestId[], options: Required<CancelOptions>) => void;

/** `rest`: its client has seen the beginning of one answer, in place of which no other can be put. */
export type AwaitedPart = 'nothing' | 'answer' | 'rest';

/** One ingress's address on the bus. */
export interface Inbox extends AsyncDisposable {
  readonly address: string;
  /**
   * Calls `listener` for each frame of this request until disposed. One listener per request; frames for
   * requests without one are dropped. The listener must not throw and must not block.
   *
   * @param awaits what a worker that asks is told; it may not throw either
   */
  listen(requestId: RequestId, listener: FrameListener, awaits: Awaits): Disposable;
}

export type FrameListener = (frame: TokenFrame) => void;

/** @param attempt the one that the worker who asks would make */
export type Awaits = (attempt: number) => AwaitedPart;

/** Who listens for one request at an inbox. */
export interface Listening {
  readonly listener: FrameListener;
  readonly awaits: Awaits;
}

/** As long as an ingress may take to be on the bus again after it was away. */
export const awaitedTimeLimitMs = 5_000;

/** The most bytes that an encoded frame may have; NATS refuses messages over 1 MiB by default. */
export const frameBytesMax = 512 * 1024;
