import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { listOf, objectFromJson, textOf } from '../../../src/providers/http/wire.ts';
import type { WireObject } from '../../../src/providers/http/wire.ts';

export interface StubRequest {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  readonly json: WireObject;
}

export interface Stub extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly StubRequest[];
  /** Connections ever opened, and open now. */
  readonly connections: { opened: number; open: number; mostOpen: number };
}

/** A server on a free port that answers as the test says, on real sockets. */
export async function openStub(
  answer: (request: StubRequest, res: ServerResponse) => void | Promise<void>,
): Promise<Stub> {
  const requests: StubRequest[] = [];
  const connections = { opened: 0, open: 0, mostOpen: 0 };
  const server = createServer((req, res) => {
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('end', () => {
      const body = Buffer.concat(parts);
      const json = objectFromJson(body.toString()) ?? {};
      const request = { path: req.url ?? '', headers: req.headers, body, json };
      requests.push(request);
      void answer(request, res);
    });
  });
  server.on('connection', (socket: Socket) => {
    connections.opened += 1;
    connections.open += 1;
    connections.mostOpen = Math.max(connections.mostOpen, connections.open);
    socket.on('close', () => (connections.open -= 1));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server does not listen on a port.');
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    connections,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export function sendJson(
  res: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  res.writeHead(status, { 'content-type': 'application/json', 'opc-request-id': 'client/A/B', ...headers });
  res.end(typeof body === 'string' ? body : JSON.stringify(body));
}

export function startSse(res: ServerResponse, contentType = 'text/event-stream'): void {
  res.writeHead(200, { 'content-type': contentType, 'opc-request-id': 'client/A/B' });
  res.flushHeaders();
}

/** The texts of an embedText request. */
export function inputsOf(json: WireObject): string[] {
  return listOf(json['inputs']).map(textOf);
}
