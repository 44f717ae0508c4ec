import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ErrorRequestHandler, Express } from 'express';
import { toErrorResponse } from '../../src/http/error-response.ts';
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
  /** Every answer has to be as the document of the API says. */
  ask(path: string, key: string, init?: AskInit): Promise<Answer>;
}

export interface AskInit extends Omit<RequestInit, 'headers'> {
  readonly headers?: Readonly<Record<string, string>>;
}

/** An app over HTTP; what its routes throw is answered as the gateway does. */
export async function serveApp(app: Express): Promise<ServedApp> {
  const server = app.use(sendError).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const url = `http://127.0.0.1:${address.port}`;
  return {
    url,
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
      server.close();
      await once(server, 'close');
    },
  };
}

const sendError: ErrorRequestHandler = (error, _req, res, _next) => {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const { status, body, headers } = toErrorResponse(error);
  res.status(status).set(headers).json(body);
};
