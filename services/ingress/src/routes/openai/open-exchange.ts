import { callIdOf } from '../../http/call-id.ts';
import type { ResponseHeaders } from '../../http/response-headers.ts';
import type { Exchange } from '../../inference/exchange.ts';
import type { Request, Response } from 'express';
import type { InferenceDeps } from './inference-deps.ts';

/**
 * An exchange over HTTP. It keeps the headers until they are needed: written at once they cost a third of what they do
 * one by one.
 */
export interface HttpExchange extends Exchange {
  /** Begins the response as what was asked for, with these headers besides. */
  begin(headers: ResponseHeaders): void;
  /** Hands the headers to the response, also those to come, for somebody else to begin it: with an error, or a stream. */
  handOver(): void;
}

/** @param route as metrics name it */
export function openExchange(req: Request, res: Response, route: string, deps: InferenceDeps): HttpExchange {
  const startedAt = deps.now();
  const gone = new AbortController();
  let model = '';
  let stream = false;
  let isHandedOver = false;
  /** Name and value in turn, as Node takes them. */
  const kept: string[] = [];
  deps.metrics.waiting(1);
  res.on('close', () => {
    if (!res.writableFinished) gone.abort(new Error('the client has left'));
    deps.metrics.waiting(-1);
    const status = res.writableFinished ? res.statusCode : 499;
    deps.metrics.request({ route, model, status, stream }, (deps.now() - startedAt) / 1_000);
  });
  const setHeaders = (headers: ResponseHeaders) => {
    if (res.headersSent) return; // of a stream that was kept alive while it waited
    for (const name in headers) {
      const value = headers[name];
      // Upstream header values are the provider's: what HTTP cannot carry is left out.
      if (value === undefined || !isHeaderValue(value)) continue;
      if (isHandedOver) res.setHeader(name, value);
      else keep(name, value);
    }
  };
  return {
    startedAt,
    callId: callIdOf(req.headers, deps.newId),
    clientGone: gone.signal,
    setHeaders,
    begin(headers) {
      setHeaders(headers);
      res.writeHead(200, isHandedOver ? [] : kept);
    },
    handOver() {
      if (isHandedOver || res.headersSent) return;
      isHandedOver = true;
      for (let at = 0; at < kept.length; at += 2) res.setHeader(kept[at] ?? '', kept[at + 1] ?? '');
    },
    about(alias, streamed) {
      model = alias;
      stream = streamed;
    },
    onceOver(listener) {
      if (res.closed) listener();
      else res.on('close', listener);
    },
  };

  function keep(name: string, value: string): void {
    for (let at = 0; at < kept.length; at += 2) {
      if (kept[at] !== name) continue;
      kept[at + 1] = value;
      return;
    }
    kept.push(name, value);
  }
}

function isHeaderValue(value: string): boolean {
  return /^[\t\x20-\x7e]*$/.test(value);
}
