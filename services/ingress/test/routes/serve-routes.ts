import { createServer } from 'node:http';
import express from 'express';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import { createAuthenticate } from '../../src/auth/create-authenticate.ts';
import { toErrorResponse } from '../../src/http/error-response.ts';
import { listen } from '../../src/http/listen.ts';
import type { ListenOptions } from '../../src/http/listen.ts';
import type { VirtualKey } from '../../src/tenancy/virtual-key.ts';
import { principalOf, virtualKey } from '../auth/virtual-keys.ts';

interface Route {
  readonly method: 'get' | 'post' | 'delete';
  readonly path: string;
  readonly handler: RequestHandler;
}

/** An authenticator that knows these keys, by what clients send. */
export function authenticateOf(keys: Readonly<Record<string, Partial<VirtualKey>>>) {
  const stored = new Map(Object.entries(keys).map(([raw, set]) => [virtualKey(raw).hash, virtualKey(raw, set)]));
  const { authenticate } = createAuthenticate({
    masterKey: 'sk-master',
    findPrincipal: async (hash) => {
      const key = stored.get(hash);
      return key === undefined ? null : principalOf(key);
    },
    now: Date.now,
    cache: { freshMs: 500, staleIfErrorMs: 0, maxEntries: 10 },
  });
  return authenticate;
}

/** Some routes under `/v1`, served as the ingress serves them. Disposing it ends all connections. */
export async function serveRoutes(
  routes: readonly Route[],
  { before = [], arrival }: { before?: readonly RequestHandler[] } & Pick<Partial<ListenOptions>, 'arrival'> = {},
): Promise<AsyncDisposable & { readonly url: string; readonly port: number }> {
  const app = express();
  for (const handler of before) app.use(handler);
  for (const { method, path, handler } of routes) app[method](`/v1${path}`, handler);
  const sendError: ErrorRequestHandler = (error, _req, res, _next) => {
    const { status, body } = toErrorResponse(error);
    if (!res.headersSent) res.status(status).json(body);
  };
  const server = createServer(app.use(sendError));
  const { port, ...listening } = await listen(server, {
    host: '127.0.0.1',
    port: 0,
    shutdownDelayMs: 0,
    ...(arrival && { arrival }),
  });
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await listening[Symbol.asyncDispose]();
    },
  };
}
