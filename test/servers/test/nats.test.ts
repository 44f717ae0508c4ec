import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from 'nats';
import { openNatsServer } from '../nats.ts';
import { isRunning } from '../process-tree.ts';
import { notOurs } from '../server.ts';

const skip = notOurs('NATS_URL');

test('a NATS server carries messages', async () => {
  await using server = await openNatsServer();
  await using client = await openClient(server.url);
  const subscription = client.subscribe('greetings', { max: 1 });
  client.publish('greetings', 'hello');
  for await (const message of subscription) assert.equal(message.string(), 'hello');
});

test('a killed NATS server comes back on its port with what JetStream has acknowledged', { skip }, async () => {
  await using server = await openNatsServer();
  await using before = await openClient(server.url);
  await ask(before, '$JS.API.STREAM.CREATE.LETTERS', { name: 'LETTERS', subjects: ['letters.>'], storage: 'file' });
  await ask(before, 'letters.one', {});

  await server.kill('SIGKILL');
  await assert.rejects(openClient(server.url));
  await server.start();

  await using after = await openClient(server.url);
  const stream = await ask(after, '$JS.API.STREAM.INFO.LETTERS', {});
  assert.equal(stream.state?.messages, 1);
});

test('a disposed NATS server has ended', { skip }, async () => {
  const server = await openNatsServer({ jetstream: false });
  const pid = server.pid ?? assert.fail('no process');
  await server[Symbol.asyncDispose]();
  assert.equal(isRunning(pid), false);
});

async function openClient(url: string) {
  const client = await connect({ servers: url, reconnect: false });
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
}

async function ask(client: Awaited<ReturnType<typeof openClient>>, subject: string, body: object) {
  const reply = await client.request(subject, JSON.stringify(body), { timeout: 5000 });
  return reply.json<{ state?: { messages: number } }>();
}
