import { callIdOf } from '../../http/call-id.ts';
import type { ResponseHeaders } from '../../http/response-headers.ts';
import type { Request, Response } from 'express';
import type { InferenceDeps } from './inference-deps.ts';

/** One request and its response, with what every inference route keeps of them. */
export interface Exchange {
  readonly startedAt: number;
  /** `x-litellm-call-id`: the client's, or a new one. */
  readonly callId: string;
  /** Aborts when the client goes away before its response is whole. */
  readonly clientGone: AbortSignal;
  setHeaders(headers: ResponseHeaders): void;
  /** The model is known: metrics will name it. */
  about(alias: string, stream: boolean): void;
  /** Calls `listener` when the response has ended, whole or not. */
  onceOver(listener: () => void): void;
}

/** @param route as metrics name it */
export function openExchange(req: Request, res: Response, route: string, deps: InferenceDeps): Exchange {
  const startedAt = deps.now();
  const gone = new AbortController();
  let model = '';
  let stream = false;
  deps.metrics.waiting(1);
  res.once('close', () => {
    if (!res.writableFinished) gone.abort(new Error('the client has left'));
    deps.metrics.waiting(-1);
    const status = res.writableFinished ? res.statusCode : 499;
    deps.metrics.request({ route, model, status, stream }, (deps.now() - startedAt) / 1_000);
  });
  return {
    startedAt,
    callId: callIdOf(req.headers, deps.newId),
    clientGone: gone.signal,
    setHeaders(headers) {
      // Upstream header values are the provider's: what HTTP cannot carry is left out.
      for (const [name, value] of Object.entries(headers)) if (isHeaderValue(value)) res.setHeader(name, value);
    },
    about(alias, streamed) {
      model = alias;
      stream = streamed;
    },
    onceOver(listener) {
      if (res.closed) listener();
      else res.once('close', listener);
    },
  };
}

function isHeaderValue(value: string): boolean {
  return /^[\t\x20-\x7e]*$/.test(value);
}
