import type { Request, RequestHandler, Response } from 'express';
import type { Authenticated } from '../../auth/authenticated.ts';
import { RefusedKeyError } from '../../auth/refused-key-error.ts';
import { readJson } from '../../http/read-json.ts';
import { callerHeaders } from '../../http/response-headers.ts';
import type { InferenceEndpoint } from '../../inference/endpoint.ts';
import { recordUnread } from '../../inference/record-unread.ts';
import type { UnreadRequest } from '../../inference/record-unread.ts';
import { withModel } from '../../inference/requested-model.ts';
import { serveRequest } from '../../inference/serve-request.ts';
import { keyLimits } from '../../tenancy/accounts-of.ts';
import type { Limited } from '../../tenancy/limits.ts';
import type { InferenceDeps } from './inference-deps.ts';
import { openHeartbeat } from '../../stream/heartbeat.ts';
import type { Heartbeat } from '../../stream/heartbeat.ts';
import { modelInPath } from './model-in-path.ts';
import { openExchange } from './open-exchange.ts';
import type { HttpExchange } from './open-exchange.ts';
import { sendStream } from './send-stream.ts';
import { sendWhole } from './send-whole.ts';

/**
 * An endpoint for inference over HTTP: authenticates, reads, has the request served, and sends its answer. What is
 * thrown becomes a response in app.ts.
 */
export function inferenceRoute<Body>(endpoint: InferenceEndpoint<Body>, deps: InferenceDeps): RequestHandler {
  return async (req, res) => {
    const exchange = openExchange(req, res, endpoint.path, deps);
    try {
      await answer(req, res, exchange);
    } catch (error) {
      exchange.handOver();
      throw error;
    }
  };

  async function answer(req: Request, res: Response, exchange: HttpExchange): Promise<void> {
    await using open = new AsyncDisposableStack();
    const { served, heartbeat } = await serve(req, res, exchange, open);
    const surface = served.isStreamed ? endpoint.stream?.bind(endpoint, served) : undefined;
    await (surface && heartbeat
      ? sendStream(res, served, surface, heartbeat, deps)
      : sendWhole(res, exchange, endpoint, served, deps));
  }

  /** A function of its own, so that nothing keeps the body while its answer is waited for. */
  async function serve(req: Request, res: Response, exchange: HttpExchange, open: AsyncDisposableStack) {
    const { headers, ip } = req;
    const authenticated = await deps.authenticate(req).catch((error: unknown) => {
      if (error instanceof RefusedKeyError)
        recordUnbegun(req, { authenticated: error.authenticated, headers, ip, exchange }, error);
      throw error;
    });
    exchange.setHeaders(callerHeaders(exchange.callId, deps.version, limitsOf(authenticated, deps.now())));
    const from = { authenticated, headers, ip, exchange };
    const { text, value } = await readBody(req, res).catch((error: unknown) => {
      recordUnbegun(req, from, error);
      throw error;
    });
    // It may wait for a budget, or for the answer of another with its idempotency key, before it waits in the queue.
    const heartbeat = isForStream(value) ? open.use(keptAlive(res, exchange)) : null;
    const served = await serveRequest(endpoint, { text, value, ...from }, deps);
    open.use(served.answer); // leaving takes it back
    return { served, heartbeat };
  }

  function keptAlive(res: Response, exchange: HttpExchange): Heartbeat {
    exchange.handOver();
    return openHeartbeat(res, deps.config.sluice.sseHeartbeatMs);
  }

  /** Whether the answer to such a body, if there is one, is a stream. */
  function isForStream(value: unknown): boolean {
    if (endpoint.stream === undefined || typeof value !== 'object' || value === null) return false;
    return 'stream' in value && value.stream === true;
  }

  function recordUnbegun(req: Request, from: Omit<UnreadRequest, 'value'>, error: unknown): void {
    recordUnread(endpoint, { ...from, value: { model: modelInPath(req) } }, error, deps);
  }

  /** After the caller is known: nothing of a stranger's body is kept. */
  async function readBody(req: Request, res: Response) {
    await deps.readBytes(req, res);
    const read = readJson(req);
    req.body = undefined; // it would be there as long as the request waits
    return withModel(read, modelInPath(req));
  }
}

function limitsOf({ principal }: Authenticated, now: number): Limited | null {
  return principal === null ? null : keyLimits(principal, now);
}
