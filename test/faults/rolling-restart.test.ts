import assert from 'node:assert/strict';
import { test } from 'node:test';
import { masterKey, openDistributedGateway } from '../e2e/gateway.ts';
import type { Child } from '../servers/child.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { compareWithBill, spendRows } from './books.ts';
import { openLoadBalancer, type LoadBalancer } from './load-balancer.ts';
import { createRandom } from './random.ts';

const clients = 24;
/** Many times what the balancer needs to notice, also on a busy machine. */
const shutdownDelayMs = 2_000;
const maxTokens = 500;

/** One request that is over. */
interface Seen {
  readonly stream: boolean;
  /** null: it was answered, whole. */
  readonly failure: string | null;
  readonly tookMs: number;
}

test(
  'a rolling restart of every process under load: no request fails, and each call is booked once',
  {
    timeout: 120_000,
  },
  async (t) => {
    await using gateway = await openDistributedGateway({
      workers: 2,
      config: { sluice_settings: { shutdown_delay_ms: shutdownDelayMs } },
    });
    const second = await gateway.startIngress();
    const key = await gateway.newKey();
    await using balancer = openLoadBalancer([gateway.url, second.url]);
    const load = startLoad(balancer, key);
    const underLoad = () =>
      waitUntil(() => gateway.simulator.callsInFlight() >= clients / 2, { what: 'a steady load at the provider' });
    const ended: string[] = [];
    const retire = async (what: string, old: Child, running: () => number) => {
      await underLoad();
      const before = running();
      assert.ok(before > 0, `${what} has nothing to lose`);
      const since = Date.now();
      old.signal('SIGTERM');
      assert.deepEqual(await old.exited, { code: 0, signal: null }, `${what}: ${old.output()}`);
      ended.push(`${what}: told to stop with ${before} requests in flight, ended after ${Date.now() - since} ms`);
    };
    const runningAt = (url: string) => balancer.figures().find((each) => each.url === url)?.running ?? 0;

    await gateway.startLedger();
    await retire('ledger', gateway.ledger, () => gateway.simulator.callsInFlight());
    for (const worker of gateway.workers) {
      await gateway.startWorker();
      await retire('worker', worker, () => gateway.simulator.callsInFlight());
    }
    let newest = second.url;
    for (const { url, child } of [
      { url: gateway.url, child: gateway.ingress },
      { url: second.url, child: second },
    ]) {
      const replacement = await gateway.startIngress();
      newest = replacement.url;
      balancer.add(newest);
      await retire('ingress', child, () => runningAt(url));
    }
    await underLoad();
    const seen = await load.stop();

    for (const line of ended) t.diagnostic(line);
    const streams = seen.filter(({ stream }) => stream).length;
    const slowest = Math.max(...seen.map(({ tookMs }) => tookMs));
    t.diagnostic(`${seen.length} requests, ${streams} of them streams; the slowest took ${slowest} ms`);
    t.diagnostic(`sent again: ${JSON.stringify(Object.fromEntries(balancer.retries))}`);
    const backends = balancer.figures();
    t.diagnostic(`answered by each ingress: ${backends.map(({ answered }) => answered).join(', ')}`);

    assert.deepEqual(
      seen.filter(({ failure }) => failure !== null),
      [],
      'requests that failed',
    );
    assert.equal(balancer.retries.size, 0, 'sent again: no balancer must be one that repeats a POST');
    assert.ok(backends.every(({ answered }) => answered > 0));
    assert.deepEqual(
      backends.map(({ refusedReadiness }) => refusedReadiness),
      [true, true, false, false],
      'those that were told to stop said that they are not ready',
    );

    // The ingress that made the key is gone.
    const request = (path: string) => fetch(`${newest}${path}`, { headers: { authorization: `Bearer ${masterKey}` } });
    await waitUntil(() => gateway.simulator.callsInFlight() === 0, { what: 'the end of all calls' });
    const billed = gateway.simulator.billed();
    assert.equal(billed.length, seen.length, 'one call for each request: none was made again');
    const books = await waitUntil(
      async () => {
        const rows = await spendRows({ request }, key);
        assert.equal(rows.length, billed.length);
        return compareWithBill(billed, rows);
      },
      { what: 'the books to hold every billed call', deadlineMs: 20_000 },
    );
    assert.deepEqual(books.unbooked, [], 'billed and not in the books');
    assert.deepEqual(books.twice, []);
    assert.deepEqual(books.differing, []);
    assert.equal(books.completed.size, seen.length);
  },
);

/** Clients that each ask again as soon as they are answered. */
function startLoad(balancer: LoadBalancer, key: string) {
  const stopping = new AbortController();
  const seen: Seen[] = [];
  const client = async (seed: number) => {
    const random = createRandom(seed);
    while (!stopping.signal.aborted) seen.push(await ask(balancer, key, { random, keepAlive: seed % 2 === 0 }));
  };
  const running = Promise.all(Array.from({ length: clients }, (_, index) => client(index)));
  return {
    async stop(): Promise<readonly Seen[]> {
      stopping.abort();
      await running;
      return seen;
    },
  };
}

interface AskOptions {
  readonly random: () => number;
  readonly keepAlive: boolean;
}

async function ask(balancer: LoadBalancer, key: string, { random, keepAlive }: AskOptions): Promise<Seen> {
  const stream = random() < 0.5;
  const outputTokens = 20;
  const steering = stream
    ? { outputTokens, gapMs: Math.round(20 + random() * 40) }
    : { outputTokens, delayMs: Math.round(random() * 1_000) };
  const content = `Hello. #sim ${JSON.stringify(steering)}`;
  const body = JSON.stringify({ model: 'llama', messages: [{ role: 'user', content }], max_tokens: maxTokens, stream });
  const since = Date.now();
  const over = (failure: string | null): Seen => ({ stream, failure, tookMs: Date.now() - since });
  try {
    const headers = { authorization: `Bearer ${key}` };
    const { status, text } = await balancer.post('/v1/chat/completions', { headers, body, keepAlive });
    const isWhole = stream ? /"finish_reason":"stop"[^]*data: \[DONE\]\n\n$/ : /"finish_reason":"stop"/;
    return over(status === 200 && isWhole.test(text) ? null : `${status} ${text}`);
  } catch (error) {
    return over(String(error));
  }
}
