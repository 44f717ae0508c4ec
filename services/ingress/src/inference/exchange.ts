import type { ResponseHeaders } from '../http/response-headers.ts';

/** One request and its response, with what every request for inference keeps of them. */
export interface Exchange {
  readonly startedAt: number;
  /** `x-litellm-call-id`: the client's, or a new one. */
  readonly callId: string;
  /** Aborts when nobody waits for the response any more. */
  readonly clientGone: AbortSignal;
  /** Those that come too late are left out. */
  setHeaders(headers: ResponseHeaders): void;
  /** The model is known: metrics will name it. */
  about(alias: string, stream: boolean): void;
  /** Calls `listener` when the response has ended, whole or not. */
  onceOver(listener: () => void): void;
}
