import assert from 'node:assert/strict';
import { after, before, beforeEach, mock, test } from 'node:test';
import { openTelemetry } from '@sluice/shared/adapters/opentelemetry/open-telemetry.ts';
import { webhookEvents, type WebhookSettings } from '@sluice/shared/config/webhook-settings.ts';
import type { Logger } from '@sluice/shared/log.ts';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { createAnnounce } from '../../src/webhooks/announce.ts';
import { openWebhookSender } from '../../src/webhooks/open-webhook-sender.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { openReceiver, type Receiver } from './open-receiver.ts';

const secret = `whsec_${Buffer.alloc(32, 'a secret of the tests').toString('base64')}`;
const batch = { batchId: 'batch_1', owner: 'team:a', dryRun: false } as const;

let sql: SqlPool & AsyncDisposable;
let receiver: Receiver;
let clock: number;
before(async () => void (sql = await openKeysDatabase()));
after(() => sql[Symbol.asyncDispose]());
beforeEach(async (context) => {
  await sql.query('truncate ingress.webhook_deliveries');
  clock = Date.now();
  receiver = await openReceiver(secret);
  if ('after' in context) context.after(() => receiver[Symbol.asyncDispose]());
});

const webhookAt = (url: string, given: Partial<WebhookSettings> = {}): WebhookSettings => ({
  name: 'ops',
  receiver: { url, secret },
  events: webhookEvents,
  teams: null,
  ...given,
});

/** A sender whose clock the test moves, what it logs and what it counts. */
async function openSender(webhooks: readonly WebhookSettings[], options: { timeLimitMs?: number } = {}) {
  await using opening = new AsyncDisposableStack();
  const telemetry = opening.use(await openTelemetry({ service: 'test', env: {} }));
  const lines: unknown[] = [];
  const write = (...line: unknown[]) => void lines.push(line);
  const log: Logger = { debug: write, info: write, warn: write, error: write };
  const sender = opening.use(
    openWebhookSender({
      webhooks,
      sql,
      meter: telemetry.meter,
      log,
      version: '1',
      now: () => clock,
      random: () => 0,
      pollMs: 5,
      ...options,
    }),
  );
  const open = opening.move();
  const counted = async (outcome: string) => {
    const line = new RegExp(`^sluice_webhook_deliveries_total\\{[^}]*outcome="${outcome}"[^}]*\\} (\\d+)`, 'm');
    return Number(line.exec(await telemetry.prometheusText())?.[1]);
  };
  return {
    lines,
    counted,
    stop: () => sender[Symbol.asyncDispose](),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

const announce = (webhooks: readonly WebhookSettings[], about: typeof batch | object = {}) =>
  createAnnounce(webhooks)(sql, { ...batch, ...about }, 'batch.completed', clock);

async function waiting(): Promise<number> {
  return (await sql.query('select from ingress.webhook_deliveries')).rows.length;
}

const arrived = (count: number) => waitUntil(() => receiver.received.length >= count, { what: `${count} messages` });
const settled = () => waitUntil(async () => (await waiting()) === 0, { what: 'nothing waits' });
const postponed = (attempts: number) =>
  waitUntil(
    async () => {
      // Past the lease: the next attempt has its time.
      const { rows } = await sql.query('select from ingress.webhook_deliveries where attempts = $1 and next_at <> $2', [
        attempts,
        new Date(clock + 30_000),
      ]);
      return rows.length === 1;
    },
    { what: `attempt ${attempts} failed` },
  );

test('a message arrives, signed as the library verifies, once, and its row is gone', async () => {
  const webhooks = [webhookAt(receiver.url)];
  await announce(webhooks);
  await using sender = await openSender(webhooks);
  await settled();
  const [message] = receiver.received;
  assert.ok(message);
  assert.match(message.id, /^evt_[0-9a-f]{32}$/);
  assert.deepEqual(receiver.received, [
    {
      id: message.id,
      verified: true,
      payload: {
        id: message.id,
        object: 'event',
        type: 'batch.completed',
        created_at: Math.floor(clock / 1000),
        data: { id: 'batch_1' },
      },
    },
  ]);
  assert.equal(await sender.counted('delivered'), 1);
});

test('it is written with what it tells of, or not at all', async () => {
  const undone = sql.transaction(async (tx) => {
    await createAnnounce([webhookAt('http://x')])(tx, batch, 'batch.failed', clock);
    throw new Error('undone');
  });
  await assert.rejects(undone, /undone/);
  assert.equal(await waiting(), 0);
});

const wanted: { given: Partial<WebhookSettings>; about?: object; told: boolean }[] = [
  { given: {}, told: true },
  { given: {}, about: { owner: 'key:0' }, told: true },
  { given: {}, about: { dryRun: true }, told: false },
  { given: { events: ['batch.completed'] }, told: true },
  { given: { events: ['batch.failed', 'batch.expired', 'batch.cancelled'] }, told: false },
  { given: { teams: ['b', 'a'] }, told: true },
  { given: { teams: ['b'] }, told: false },
  { given: { teams: ['0'] }, about: { owner: 'key:0' }, told: false },
  { given: { teams: ['operator'] }, about: { owner: 'operator' }, told: false },
];
for (const { given, about, told } of wanted) {
  test(`a webhook with ${JSON.stringify(given)} is ${told ? '' : 'not '}told of ${JSON.stringify(about ?? {})}`, async () => {
    await announce([webhookAt('http://x', given)], about);
    assert.equal(await waiting(), told ? 1 : 0);
  });
}

test('it is sent again after each wait of the schedule, under its id, and given up after ten attempts', async () => {
  const waitsSeconds = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];
  receiver.answer((response) => void response.writeHead(500).end('an error'));
  const webhooks = [webhookAt(receiver.url)];
  await announce(webhooks);
  // What the library verifies has a time stamp of now; the sender's clock runs ahead of it.
  mock.timers.enable({ apis: ['Date'], now: clock });
  try {
    await using sender = await openSender(webhooks);
    for (const [index, seconds] of waitsSeconds.entries()) {
      await postponed(index + 1);
      const { rows } = await sql.query('select next_at from ingress.webhook_deliveries');
      assert.deepEqual(rows, [{ next_at: new Date(clock + seconds * 1000) }]);
      clock += seconds * 1000;
      mock.timers.setTime(clock);
    }
    await settled();
    assert.equal(receiver.received.length, 10);
    assert.equal(new Set(receiver.received.map(({ id }) => id)).size, 1);
    assert.ok(receiver.received.every(({ verified }) => verified));
    assert.equal(await sender.counted('given_up'), 1);
    assert.equal(await sender.counted('failed'), 9);
    assert.match(JSON.stringify(sender.lines.at(-1)), /batch_1.*status 500.*given up/);
  } finally {
    mock.timers.reset();
  }
});

test('one that failed arrives at the next attempt', async () => {
  const webhooks = [webhookAt(receiver.url)];
  receiver.answer((response) => void response.writeHead(503).end());
  await announce(webhooks);
  await using sender = await openSender(webhooks);
  await postponed(1);
  receiver.answer((response) => void response.writeHead(200).end('{}'));
  clock += 5_000;
  await settled();
  assert.equal(receiver.received.length, 2);
  assert.equal(await sender.counted('delivered'), 1);
});

test('410 gives it up at once', async () => {
  const webhooks = [webhookAt(receiver.url)];
  receiver.answer((response) => void response.writeHead(410).end());
  await announce(webhooks);
  await using sender = await openSender(webhooks);
  await settled();
  assert.equal(receiver.received.length, 1);
  assert.equal(await sender.counted('gone'), 1);
});

test('a redirect is not followed, and is no arrival', async () => {
  await using elsewhere = await openReceiver(secret);
  const webhooks = [webhookAt(receiver.url)];
  for (const status of [301, 302, 307, 308]) {
    await sql.query('truncate ingress.webhook_deliveries');
    receiver.answer((response) => void response.writeHead(status, { location: elsewhere.url }).end());
    await announce(webhooks);
    await using sender = await openSender(webhooks);
    await postponed(1);
    assert.match(JSON.stringify(sender.lines), new RegExp(`status ${status}`));
  }
  assert.equal(elsewhere.received.length, 0);
});

test('a receiver that is away costs an attempt', async () => {
  await receiver[Symbol.asyncDispose]();
  const webhooks = [webhookAt(receiver.url)];
  await announce(webhooks);
  await using sender = await openSender(webhooks);
  await postponed(1);
  assert.match(JSON.stringify(sender.lines), /ECONNREFUSED/);
});

test('one that hangs holds up no other, and is given up after its time', async () => {
  await using healthy = await openReceiver(secret);
  receiver.answer(() => undefined);
  const webhooks = [webhookAt(receiver.url, { name: 'hangs' }), webhookAt(healthy.url, { name: 'healthy' })];
  for (let n = 0; n < 6; n += 1) await announce(webhooks);
  await using sender = await openSender(webhooks, { timeLimitMs: 500 });
  await waitUntil(() => healthy.received.length === 6, { what: 'all are with the healthy one' });
  await waitUntil(() => JSON.stringify(sender.lines).includes('TimeoutError'), { what: 'timeout' });
  const [line] = sender.lines;
  assert.match(JSON.stringify(line), /"webhook":"hangs".*TimeoutError/);
});

test('an endless answer is not read', async () => {
  const webhooks = [webhookAt(receiver.url)];
  let closed = false;
  receiver.answer((response) => {
    response
      .once('close', () => (closed = true))
      .writeHead(200)
      .write('x'.repeat(1024));
    const more = () => !closed && response.write('x'.repeat(65_536), () => setImmediate(more));
    more();
  });
  await announce(webhooks);
  await using _sender = await openSender(webhooks);
  await settled();
  await waitUntil(() => closed, { what: 'the connection is closed' });
});

test('two senders deliver each message once', async () => {
  const webhooks = [webhookAt(receiver.url)];
  for (let n = 0; n < 60; n += 1) await announce(webhooks, { batchId: `batch_${n}` });
  await using _one = await openSender(webhooks);
  await using _other = await openSender(webhooks);
  await settled();
  await arrived(60);
  assert.equal(receiver.received.length, 60);
  assert.equal(new Set(receiver.received.map(({ id }) => id)).size, 60);
});

test('what one had when it was stopped is sent by another when the lease is over', async () => {
  const webhooks = [webhookAt(receiver.url)];
  receiver.answer(() => undefined);
  await announce(webhooks);
  await using stopped = await openSender(webhooks);
  await arrived(1);
  await stopped.stop();
  assert.equal(await waiting(), 1);
  receiver.answer((response) => void response.writeHead(204).end());
  await using _next = await openSender(webhooks);
  clock += 30_000;
  await settled();
  assert.equal(receiver.received.length, 2);
});

test('what is for a webhook that is configured no more is removed when its time is over', async () => {
  await announce([webhookAt(receiver.url, { name: 'former' })]);
  clock += 2 * 86_400_000;
  await using first = await openSender([webhookAt(receiver.url)]);
  await first.stop();
  assert.equal(await waiting(), 1);
  clock += 2 * 86_400_000;
  await using _second = await openSender([webhookAt(receiver.url)]);
  await settled();
  assert.equal(receiver.received.length, 0);
});

test('neither the secret nor the path of the URL is in what it logs', async () => {
  const webhooks = [
    webhookAt(`${receiver.url}/planted?token=planted`),
    webhookAt('http://127.0.0.1:1/planted', { name: 'b' }),
  ];
  receiver.answer((response) => void response.writeHead(400).end('planted'));
  await announce(webhooks);
  await using sender = await openSender(webhooks);
  await waitUntil(() => sender.lines.length >= 2, { what: 'both failed' });
  const text = JSON.stringify(sender.lines);
  for (const hidden of ['planted', secret, secret.slice(6), '/hook']) assert.ok(!text.includes(hidden), hidden);
});
