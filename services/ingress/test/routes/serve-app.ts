import { createServer } from 'node:http';
import type { ErrorRequestHandler, Express } from 'express';
import { asGatewayError } from '../../src/http/as-gateway-error.ts';
import { toErrorResponse } from '../../src/http/error-response.ts';
import { listen } from '../../src/http/listen.ts';
import type { ListenOptions } from '../../src/http/listen.ts';
import { withoutRepeat } from '../../src/http/made-changes.ts';
import { assertDocumented } from '../openapi/assert-documented.ts';

/** An answer in JSON. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed. Tests look into many shapes, all of which the document of the API is held to already. */
  readonly body: any; // oxlint-disable-line typescript/no-explicit-any -- see above
}

export interface ServedApp extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Every answer has to be as the document of the API says. */
  ask(path: string, key: string, init?: AskInit): Promise<Answer>;
}

export interface AskInit extends Omit<RequestInit, 'headers'> {
  readonly headers?: Readonly<Record<string, string>>;
}

/** An app, served as the ingress serves its own; what its routes throw is answered as there. */
export async function serveApp(
  app: Express,
  options: Pick<Partial<ListenOptions>, 'arrival'> = {},
): Promise<ServedApp> {
  const server = createServer(app.use(sendError));
  const { port, ...listening } = await listen(server, { host: '127.0.0.1', port: 0, shutdownDelayMs: 0, ...options });
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    port,
    async ask(path, key, { headers, ...init } = {}) {
      const response = await fetch(`${url}${path}`, {
        ...init,
        headers: { authorization: `Bearer ${key}`, ...headers },
      });
      const answer = { status: response.status, headers: response.headers, body: await response.json() };
      assertDocumented({ method: init.method ?? 'GET', path }, answer);
      return answer;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await listening[Symbol.asyncDispose]();
    },
  };
}

const sendError: ErrorRequestHandler = (thrown: unknown, _req, res, _next) => {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const { status, body, headers } = toErrorResponse(withoutRepeat(asGatewayError(thrown), res));
  res.status(status).set(headers).json(body);
};
