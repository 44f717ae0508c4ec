import { once } from 'node:events';
import { connect } from 'node:net';
import { ask, type Reply } from './ask.ts';
import { chatPath, invalid } from './wrong-request.ts';
import type { Wrong } from './wrong-request.ts';

const notFound = { status: 404, type: 'not_found_error', param: null } as const;

/** What is asked where nothing answers, or not in HTTP. */
export const routes: readonly Wrong[] = [
  { why: 'an unknown route', send: (g) => ask(g, '/v1/chat'), ...notFound, message: /no route GET \/v1\/chat/ },
  { why: '/', send: (g) => ask(g, '/'), ...notFound, message: /no route/ },
  { why: 'an unknown route that does not decode', send: (g) => ask(g, '/%ff'), ...notFound, message: /no route/ },
  {
    why: 'a model whose name does not decode',
    send: (g) => ask(g, '/v1/models/%ff'),
    ...invalid,
    param: null,
    message: /could not be read/,
  },
  {
    why: 'an unknown model in the list',
    send: (g) => ask(g, '/v1/models/gpt-9'),
    ...notFound,
    param: 'model',
    message: /gpt-9/,
  },
  {
    why: 'a wrong method',
    send: (g) => ask(g, chatPath),
    status: 405,
    type: 'invalid_request_error',
    param: null,
    message: /GET is not allowed on \/v1\/chat\/completions/,
  },
  {
    why: 'a header that is too large',
    send: (g) => ask(g, chatPath, { method: 'POST', headers: { 'x-large': 'x'.repeat(64 * 1024) } }),
    status: 431,
    type: 'invalid_request_error',
    param: null,
    message: /header/i,
  },
  {
    why: 'what is not HTTP',
    send: ({ url }) => rawReply(url, 'GIBBERISH\r\n\r\n'),
    status: 400,
    type: 'invalid_request_error',
    param: null,
    message: /HTTP/,
  },
];

/** Sends bytes that no HTTP client would. */
async function rawReply(url: string, bytes: string): Promise<Reply> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let received = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    received += chunk;
  });
  socket.write(bytes);
  await once(socket, 'close');
  const [head = '', ...text] = received.split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  const headers = new Headers(Object.fromEntries(lines.map((line) => line.split(': ', 2))));
  return { status: Number(first.split(' ')[1]), headers, text: text.join('\r\n\r\n') };
}
