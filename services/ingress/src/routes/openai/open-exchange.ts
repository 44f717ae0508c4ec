import { callIdOf } from '../../http/call-id.ts';
import type { Exchange } from '../../inference/exchange.ts';
import type { Request, Response } from 'express';
import type { InferenceDeps } from './inference-deps.ts';

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
      if (res.headersSent) return; // of a stream that was kept alive while it waited
      // Upstream header values are the provider's: what HTTP cannot carry is left out.
      for (const name in headers) {
        const value = headers[name];
        if (value !== undefined && isHeaderValue(value)) res.setHeader(name, value);
      }
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
