import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

type Manner = (said: string, res: ServerResponse) => void;

/** Ways to fail that repeat all of the request's headers, as debug pages and careless proxies do. */
const manners: Readonly<Record<string, Manner>> = {
  refuses: refuse,
  nests: (said, res) => {
    const inner = JSON.stringify({ error: { message: said, type: said, param: said } });
    send(res, 400, 'application/json', JSON.stringify({ code: '400', message: inner }));
  },
  breaks: (said, res) => send(res, 500, 'text/html', `<pre>${said}</pre>`),
  throttles: (said, res) => send(res, 429, 'text/plain', said),
  babbles: (said, res) => send(res, 200, 'application/json', `{"choices": ${said}`),
  streams: (said, res) => {
    const event = JSON.stringify({ error: { message: said, code: 500 } });
    send(res, 200, 'text/event-stream', `data: ${event}\n\n`);
  },
  garbles: (said, res) => send(res, 200, 'text/event-stream', `data: {"choices":${said}\n\n`),
  cuts: (said, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write(`data: ${said.slice(0, 40)}`);
    res.destroy();
  },
  shows: (said, res) => {
    res.setHeader('x-request-id', said.slice(0, 2_000));
    send(res, 400, 'application/json', JSON.stringify({ error: { message: 'no' } }));
  },
};

export const echoManners: readonly string[] = Object.keys(manners);

/** An upstream that fails in the manner that its path begins with: `/refuses/v1/chat/completions`. */
export async function openEchoServer(): Promise<
  AsyncDisposable & { readonly url: string; readonly asked: () => number }
> {
  let asked = 0;
  const server = createServer((req, res) => {
    asked += 1;
    req.resume().on('end', () => mannerOf(req)(saidIn(req), res));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    asked: () => asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function mannerOf({ url = '' }: IncomingMessage): Manner {
  const named = url.split('/').map((part) => manners[part]);
  return named.find((manner) => manner !== undefined) ?? refuse;
}

function refuse(said: string, res: ServerResponse): void {
  send(res, 401, 'application/json', JSON.stringify({ error: { message: said, code: said } }));
}

function saidIn({ rawHeaders, headers }: IncomingMessage): string {
  return `You sent ${JSON.stringify(headers)} that is ${rawHeaders.join(' ')}`;
}

function send(res: ServerResponse, status: number, type: string, body: string): void {
  res.writeHead(status, { 'content-type': type }).end(body);
}
