import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { waitUntil } from '../servers/wait-until.ts';
import { openDistributedGateway } from './gateway.ts';
import type { DistributedGateway } from './gateway.ts';
import { readMetrics, valueOf } from './metrics-page.ts';
import type { MetricsPage } from './metrics-page.ts';

const docs = path.resolve(import.meta.dirname, '../../docs');
/** Calls at a time, and how long each takes: so many a second. */
const atATime = 4;
const callMs = 500;
const waiting = 60;
const webhookSecret = `whsec_${Buffer.alloc(32, 'metrics').toString('base64')}`;

test('what metrics say of a queue under load is so, and the documents name just the metrics that there are', async (t) => {
  await using gateway = await openDistributedGateway({
    models: { llama: { model: 'oci/meta.llama-3.3-70b-instruct', max_parallel_requests: atATime } },
    // Nobody is told of anything here; it is there for its metrics.
    config: { sluice_settings: { webhooks: [{ name: 'ops', url: 'http://127.0.0.1:9', secret: webhookSecret }] } },
  });
  const other = await gateway.startIngress();
  const [worker] = gateway.workers;
  assert.ok(worker);
  const pages = async () => ({
    ingress: await readMetrics(gateway.url),
    worker: await readMetrics(`http://127.0.0.1:${worker.port}`),
  });

  // A provider that does not answer, and a line before it.
  gateway.simulator.setBehaviour({ delayMs: 60_000 });
  const stuck = new AbortController();
  const lost = Array.from({ length: atATime }, () => ask(gateway, stuck.signal).catch(() => null));
  await waitUntil(() => gateway.simulator.callsInFlight() === atATime, { what: 'calls that take for ever' });
  const from = Date.now();
  let answered = 0;
  const asked = Array.from({ length: waiting }, () =>
    ask(gateway)
      .then(({ status }) => status, String)
      .finally(() => (answered += 1)),
  );
  const { line, sinceMs } = await waitUntil(
    async () => {
      const now = await pages();
      const gate = valueOf(now.worker, 'sluice_worker_calls_waiting', 'llama');
      assert.equal(valueOf(now.ingress, 'sluice_queue_depth', 'llama') + gate, waiting);
      return { line: now, sinceMs: Date.now() - from };
    },
    { what: 'all others in line' },
  );
  assert.equal(valueOf(line.worker, 'sluice_worker_calls_in_flight', 'llama'), atATime);
  assert.equal(valueOf(line.worker, 'sluice_worker_adaptive_limit', 'llama'), atATime);
  const unknown = valueOf(line.ingress, 'sluice_queue_wait_estimate_seconds', 'llama');
  assert.ok(Number.isNaN(unknown), `${unknown} s, though the speed is not known`);
  const age = valueOf(line.ingress, 'sluice_queue_oldest_age_seconds', 'llama');
  assert.ok(age >= 0 && age <= sinceMs / 1_000, `${age} s old, of requests that began ${sinceMs} ms ago`);
  const elsewhere = await readMetrics(other.url);
  assert.equal(
    valueOf(elsewhere, 'sluice_queue_depth', 'llama'),
    valueOf(line.ingress, 'sluice_queue_depth', 'llama'),
    'each ingress tells of the whole queue',
  );
  await waitUntil(async () => valueOf((await pages()).ingress, 'sluice_queue_oldest_age_seconds', 'llama') >= age + 1, {
    what: 'a line that is a second older',
  });

  // It answers: so many a second.
  gateway.simulator.setBehaviour({ delayMs: callMs });
  stuck.abort();
  const perSecond = await waitUntil(
    async () => {
      assert.ok(answered >= waiting / 3); // by then it is not by the four that left that it goes
      const { ingress } = await pages();
      const depth = valueOf(ingress, 'sluice_queue_depth', 'llama');
      const wait = valueOf(ingress, 'sluice_queue_wait_estimate_seconds', 'llama');
      assert.ok(depth > 0 && wait > 0, `${depth} in line, ${wait} s`);
      return depth / wait;
    },
    { what: 'a line with a speed' },
  );
  const most = (atATime * 1_000) / callMs;
  t.diagnostic(`the wait estimate goes by ${perSecond.toFixed(1)} a second, the provider by ${most} at most`);
  assert.ok(perSecond > most / 2 && perSecond <= most * 1.5, `${perSecond} a second instead of ${most}`);
  await Promise.all(lost);
  assert.deepEqual(new Set(await Promise.all(asked)), new Set([200]));
  await waitUntil(
    async () => {
      const now = await pages();
      assert.equal(valueOf(now.ingress, 'sluice_queue_depth', 'llama'), 0);
      assert.equal(valueOf(now.ingress, 'sluice_queue_oldest_age_seconds', 'llama'), 0);
      assert.equal(valueOf(now.worker, 'sluice_worker_calls_in_flight', 'llama'), 0);
      assert.equal(valueOf(now.worker, 'sluice_worker_calls_waiting', 'llama'), 0);
      return true;
    },
    { what: 'an empty line' },
  );

  // Its own calls are the only ones: each leaves its place before the next one asks for it.
  const { samples } = await readMetrics(`http://127.0.0.1:${worker.port}`);
  assert.deepEqual(
    samples.filter(({ name, value }) => name === 'sluice_worker_throttles_total' && value > 0),
    [],
  );

  // A stream, for what is measured of streams only; then every family has been there.
  await (await ask(gateway, null, { stream: true })).text();
  const served = [
    ...familiesOf(line),
    ...familiesOf(await pages()),
    ...(await readMetrics(`http://127.0.0.1:${gateway.ledger.port}`)).families,
    ...(await readMetrics(`http://127.0.0.1:${(await gateway.startBatchRunner()).port}`)).families,
  ];
  assertDocumented(new Set(served));
});

async function ask(gateway: DistributedGateway, signal: AbortSignal | null = null, more: object = {}) {
  const body = { model: 'llama', messages: [{ role: 'user', content: 'Hello.' }], max_tokens: 20, ...more };
  const headers = { 'content-type': 'application/json' };
  const response = await gateway.request('/v1/chat/completions', {
    method: 'POST',
    headers,
    signal,
    body: JSON.stringify(body),
  });
  assert.equal(response.status, 200);
  return response;
}

function familiesOf({ ingress, worker }: Record<'ingress' | 'worker', MetricsPage>): string[] {
  return [...ingress.families, ...worker.families];
}

/** Any name that looks like one of ours, wherever it is written: in a table, a sentence or a query. */
const metricNames = /\b(?:sluice_(?!settings|migrations)|litellm_in_flight|gen_ai_client_|http_server_)[a-z_]+/g;

function assertDocumented(served: ReadonlySet<string>): void {
  const named = globSync('**/*.md', { cwd: docs }).flatMap((file) =>
    [...readFileSync(path.join(docs, file), 'utf8').matchAll(metricNames)].map(([name]) => ({ file, name })),
  );
  assert.ok(named.length > 0);
  const family = (name: string) => (served.has(name) ? name : name.replace(/_(?:bucket|sum|count)$/, ''));
  assert.deepEqual(
    named.filter(({ name }) => !served.has(family(name))),
    [],
    'in the documents, and on no page',
  );
  const names = new Set(named.map(({ name }) => family(name)));
  const unnamed = [...served].filter((name) => name !== 'target_info' && !names.has(name));
  assert.deepEqual(unnamed, [], 'on a page, and in no document');
}
