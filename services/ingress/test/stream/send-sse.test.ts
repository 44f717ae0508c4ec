import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import express from 'express';
import type { Response } from 'express';
import { GatewayError } from '@sluice/shared/errors.ts';
import { toErrorResponse } from '../../src/http/error-response.ts';
import { listen } from '../../src/http/listen.ts';
import { openHeartbeat } from '../../src/stream/heartbeat.ts';
import { sendSse } from '../../src/stream/send-sse.ts';
import type { SseSurface } from '../../src/stream/send-sse.ts';
import { end, failure, finish, openBusAnswer, start, text } from './answer-frames.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';

const plain: SseSurface = {
  begin: () => {},
  content: (event) => (event.type === 'text-delta' ? `data: ${event.text}\n\n` : ''),
  end: ({ outputTokens }) => `data: ${outputTokens} tokens\n\ndata: [DONE]\n\n`,
};

/**
 * A server whose only route streams one answer, and a client that asks for it.
 * @param closes the client's leaving disposes the answer, as a route has it
 */
async function openStream(surface: SseSurface = plain, { closes = true, heartbeatMs = 0 } = {}) {
  const stack = new AsyncDisposableStack();
  const worker = stack.use(await openBusAnswer());
  const response = Promise.withResolvers<Response>();
  const outcome = Promise.withResolvers<unknown>();
  const app = express();
  app.get('/', async (_req, res) => {
    response.resolve(res);
    if (closes) res.once('close', () => worker.answer[Symbol.dispose]());
    try {
      await sendSse(res, worker.answer, surface, { heartbeat: openHeartbeat(res, heartbeatMs) });
      outcome.resolve('sent');
    } catch (error) {
      outcome.resolve(error);
      const { status, body } = toErrorResponse(error);
      res.status(status).json(body);
    }
  });
  const server = stack.use(await listen(createServer(app), { host: '127.0.0.1', port: 0, shutdownDelayMs: 0 }));
  const outgoing = request({ port: server.port, host: '127.0.0.1', agent: false });
  outgoing.on('error', () => {});
  stack.defer(() => void outgoing.destroy());
  outgoing.end();
  return {
    ...worker,
    outgoing,
    /** Of the server. */
    response: await response.promise,
    outcome: outcome.promise,
    async receive(): Promise<IncomingMessage> {
      const [incoming]: IncomingMessage[] = await once(outgoing, 'response');
      if (!incoming) throw new Error('no response');
      return incoming;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of incoming.setEncoding('utf8')) body += String(chunk);
  return body;
}

test('SSE: content as it comes, then the end', async () => {
  await using it = await openStream();
  it.send(start, text('a'));
  const incoming = await it.receive();
  assert.equal(incoming.statusCode, 200);
  assert.equal(incoming.headers['content-type'], 'text/event-stream; charset=utf-8');
  it.send(text('b'), finish);
  it.send(end);
  assert.equal(await bodyOf(incoming), 'data: a\n\ndata: b\n\ndata: 2 tokens\n\ndata: [DONE]\n\n');
  assert.equal(await it.outcome, 'sent');
});

test('SSE: the first content does not wait for the second', async () => {
  await using it = await openStream();
  it.send(start, text('a'));
  const incoming = await it.receive();
  const [first]: unknown[] = await once(incoming, 'data');
  assert.equal(String(first), 'data: a\n\n');
});

test('SSE: an answer without content is an empty stream with an end', async () => {
  await using it = await openStream();
  it.send(end);
  assert.equal(await bodyOf(await it.receive()), 'data: 2 tokens\n\ndata: [DONE]\n\n');
});

test('SSE: an error before content is a status', async () => {
  await using it = await openStream();
  it.send(failure);
  const incoming = await it.receive();
  assert.equal(incoming.statusCode, 500);
  assert.match(incoming.headers['content-type'] ?? '', /^application\/json/);
  assert.ok((await it.outcome) instanceof GatewayError);
});

test('SSE: a stream that waits is opened and kept alive by comments, and answered all the same', async () => {
  await using it = await openStream(plain, { heartbeatMs: 10 });
  const incoming = await it.receive();
  assert.equal(incoming.statusCode, 200);
  const [first]: unknown[] = await once(incoming, 'data');
  assert.match(String(first), /^: waiting\n\n/);
  it.send(start, text('a'), end);
  const rest = await bodyOf(incoming);
  assert.equal(rest.replaceAll(': waiting\n\n', ''), 'data: a\n\ndata: 2 tokens\n\ndata: [DONE]\n\n');
});

test('SSE: an error of a stream that was kept alive is one last event, and no [DONE]', async () => {
  await using it = await openStream(plain, { heartbeatMs: 10 });
  const incoming = await it.receive();
  it.send(failure);
  const body = await bodyOf(incoming);
  assert.match(body, /^(?:: waiting\n\n)+data: \{"error".*\}\n\n$/);
  assert.equal(await it.outcome, 'sent');
});

test('SSE: another attempt before content goes unseen', async () => {
  await using it = await openStream();
  it.restart(start, text('whole'), end);
  assert.match(await bodyOf(await it.receive()), /^data: whole[^]*\[DONE\]/);
});

const cutShort: { why: string; write: (it: Awaited<ReturnType<typeof openStream>>) => void; says: RegExp }[] = [
  { why: 'an error after content', write: (it) => it.send(failure), says: /OciException - no/ },
  { why: 'an error beside content', write: (it) => it.send(text('b'), failure), says: /data: b\n\ndata: \{"error"/ },
  {
    why: 'another attempt after content',
    write: (it) => it.restart(start, text('other'), end),
    says: /was interrupted/,
  },
];

for (const { why, write, says } of cutShort) {
  test(`SSE: ${why} is one last event, and no [DONE]`, async () => {
    await using it = await openStream();
    it.send(start, text('a'));
    const incoming = await it.receive();
    write(it);
    const body = await bodyOf(incoming);
    assert.match(body, says);
    assert.doesNotMatch(body, /\[DONE\]|other/);
    const last = body.trimEnd().split('\n\n').at(-1) ?? '';
    assert.deepEqual(Object.keys(JSON.parse(last.replace('data: ', ''))), ['error']);
    assert.equal(await it.outcome, 'sent');
  });
}

test('SSE: headers are set before the first byte, once', async () => {
  let begun = 0;
  await using it = await openStream({ ...plain, begin: () => void (begun += 1) });
  it.send(start, text('a'), end);
  await bodyOf(await it.receive());
  assert.equal(begun, 1);
});

test('SSE: what a slow reader has not taken stays bounded, and arrives whole when it reads on', async () => {
  await using it = await openStream();
  const words = 'x'.repeat(64 * 1024);
  const count = 160;
  it.send(start);
  const incoming = await it.receive();
  incoming.pause();
  let mostBuffered = 0;
  for (let sent = 0; sent < count; sent += 1) {
    it.send(text(words));
    await turn();
    mostBuffered = Math.max(mostBuffered, it.response.writableLength);
  }
  assert.ok(it.response.writableNeedDrain, 'the socket is full');
  assert.ok(mostBuffered < 1024 * 1024, `${mostBuffered} bytes in the response`);
  it.send(end);
  const body = await bodyOf(incoming);
  assert.equal(body.match(/x+/g)?.join('').length, words.length * count);
  assert.match(body, /\[DONE\]\n\n$/);
});

/** When the client hangs up. Each must end the route's handler. */
const hangUps: Record<string, (it: Awaited<ReturnType<typeof openStream>>) => Promise<unknown>> = {
  'before content': async () => {},
  'between two pieces': async (it) => {
    it.send(start, text('a'));
    await it.receive();
  },
  'while it does not read': async (it) => {
    it.send(start);
    (await it.receive()).pause();
    for (let sent = 0; sent < 200; sent += 1) it.send(text('x'.repeat(64 * 1024)));
    await waitUntil(() => it.response.writableNeedDrain, { what: 'a full socket' });
  },
};

for (const [when, until] of Object.entries(hangUps)) {
  test(`SSE: a client that hangs up ${when} ends the stream`, async () => {
    await using it = await openStream();
    await until(it);
    it.outgoing.destroy();
    assert.equal(await it.outcome, 'sent');
    assert.equal(it.answer.finished, false);
  });
}

test('SSE: a piece that comes after the client has hung up is not waited for', async () => {
  await using it = await openStream(plain, { closes: false });
  it.send(start, text('a'));
  await it.receive();
  const closed = once(it.response, 'close');
  it.outgoing.destroy();
  await closed;
  it.send(text('b'));
  it.send(end);
  assert.equal(await it.outcome, 'sent');
});

test('SSE: the surface’s errors end the request', async () => {
  await using it = await openStream({
    ...plain,
    begin: () => {
      throw new TypeError('a header that HTTP cannot carry');
    },
  });
  it.send(start, text('a'));
  assert.equal((await it.receive()).statusCode, 500);
  const failed: ServerResponse = it.response;
  assert.equal(failed.headersSent, true);
});
