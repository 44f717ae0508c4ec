import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { after, before, test } from 'node:test';
import type { Lane } from '@sluice/shared/contracts/turn.ts';
import { z } from 'zod';
import { openDistributedGateway } from '../e2e/gateway.ts';
import type { DistributedGateway } from '../e2e/gateway.ts';
import { waitUntil } from '../servers/wait-until.ts';

/** Deep enough to show it, and sent in half a minute; FAIR_BACKLOG=10000 takes a minute and a half. */
const backlog = Number(process.env['FAIR_BACKLOG'] ?? 3_000);

/** Real time that a model takes, and how many calls run at once: so many a second, whoever sends them. */
const serviceMs = 300;
const concurrency = 20;

const config = {
  general_settings: { master_key: 'os.environ/LITELLM_MASTER_KEY' },
  litellm_settings: { request_timeout: 300 },
  sluice_settings: {
    worker_concurrency: concurrency,
    upstream_connections: 64,
    fair_share: { weights: { gold: 3, silver: 2, bronze: 1 } },
  },
};

let gateway: DistributedGateway;
before(async () => {
  gateway = await openDistributedGateway({ config });
});
after(() => gateway[Symbol.asyncDispose]());

interface Ask {
  readonly key: string;
  readonly outputTokens: number;
  readonly lane?: Lane;
  readonly delayMs?: number;
  readonly signal?: AbortSignal;
}

/** Sends one request; how long it took, and how long of that it waited for a worker. */
function ask(agent: Agent, { key, outputTokens, lane, delayMs = serviceMs, signal }: Ask) {
  const { promise, resolve, reject } = Promise.withResolvers<{
    status: number;
    ms: number;
    queueMs: number;
    body: string;
  }>();
  const startedAt = performance.now();
  const directive = `#sim ${JSON.stringify({ outputTokens, delayMs })}`;
  const body = JSON.stringify({
    model: 'llama',
    max_tokens: outputTokens,
    ...(lane === 'batch' && { service_tier: 'flex' }),
    messages: [{ role: 'user', content: directive }],
  });
  const sent = request(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    agent,
    signal,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'content-length': body.length },
  });
  sent.on('error', reject);
  sent.on('response', (response) => {
    const parts: Buffer[] = [];
    response.on('data', (part: Buffer) => parts.push(part));
    response.on('error', reject);
    response.on('end', () =>
      resolve({
        status: response.statusCode ?? 0,
        ms: performance.now() - startedAt,
        queueMs: Number(response.headers['x-sluice-queue-ms']),
        body: Buffer.concat(parts).toString(),
      }),
    );
  });
  sent.end(body);
  return promise;
}

const Answer = z.object({ usage: z.object({ prompt_tokens: z.int(), completion_tokens: z.int() }) });

async function depth(): Promise<number> {
  const text = await (await gateway.request('/metrics')).text();
  return Number(
    /^sluice_queue_depth\{[^}]*alias="llama",lane="interactive"[^}]*\} (\S+)/m.exec(text)?.[1] ?? Number.NaN,
  );
}

function percentile95(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * 0.95) - 1] ?? 0;
}

// A batch leaves room for interactive requests for half a minute after the last of them, so it comes first.
for (const lane of ['batch', 'interactive'] satisfies Lane[]) {
  test(`teams that all have a backlog are served by their weights, in tokens: ${lane}`, async (t) => {
    await using stack = new AsyncDisposableStack();
    const agent = stack.adopt(new Agent({ keepAlive: true, maxSockets: Infinity }), (open) => open.destroy());
    const teams = [
      { team: 'gold', weight: 3, outputTokens: 40 },
      { team: 'silver', weight: 2, outputTokens: 160 },
      { team: 'bronze', weight: 1, outputTokens: 80 },
    ];
    const leave = new AbortController();
    const tokens = new Map(teams.map(({ team }) => [team, 0]));
    let answered = 0;
    const clients = teams.flatMap(({ team, outputTokens }) => {
      const key = gateway.newKey({ team_id: team });
      return Array.from({ length: 150 }, async () => {
        while (!leave.signal.aborted) {
          const reply = await ask(agent, {
            key: await key,
            outputTokens,
            lane,
            delayMs: 50,
            signal: leave.signal,
          }).catch(() => null);
          if (!reply) return;
          assert.equal(reply.status, 200, reply.body);
          const { usage } = Answer.parse(JSON.parse(reply.body));
          tokens.set(team, (tokens.get(team) ?? 0) + usage.prompt_tokens + 2 * usage.completion_tokens);
          answered += 1;
        }
      });
    });
    // What was placed before anything was known of the teams' answers is served first.
    await waitUntil(() => answered >= 600, { what: 'the first answers', deadlineMs: 60_000 });
    const first = new Map(tokens);
    await waitUntil(() => answered >= 2_400, { what: 'the answers', deadlineMs: 60_000 });
    const shares = teams.map(({ team }) => (tokens.get(team) ?? 0) - (first.get(team) ?? 0));
    const all = shares.reduce((sum, share) => sum + share, 0);
    const fractions = shares.map((share) => share / all);
    t.diagnostic(
      `shares of weighted tokens: ${fractions.map((share) => share.toFixed(3)).join(' ')} (0.500 0.333 0.167)`,
    );
    leave.abort();
    await Promise.all(clients);
    for (const [index, { weight }] of teams.entries()) {
      const fair = weight / 6;
      const share = fractions[index] ?? 0;
      assert.ok(Math.abs(share - fair) <= 0.05 * fair, `${share} instead of ${fair}`);
    }
  });
}

test('a deep backlog of one team does not delay another that asks one at a time', async (t) => {
  await using stack = new AsyncDisposableStack();
  const agent = stack.adopt(new Agent({ keepAlive: true, maxSockets: Infinity }), (open) => open.destroy());
  const leave = new AbortController();
  const [heavy, light] = await Promise.all([
    gateway.newKey({ team_id: 'heavy' }),
    gateway.newKey({ team_id: 'light' }),
  ]);
  const oneAtATime = async (count: number) => {
    const took: number[] = [];
    for (let n = 0; n < count; n += 1) {
      const { status, ms, body } = await ask(agent, { key: light, outputTokens: 20 });
      assert.equal(status, 200, body);
      took.push(ms);
    }
    return percentile95(took);
  };
  await oneAtATime(5);
  const alone = await oneAtATime(40);
  const flood: Promise<unknown>[] = [];
  let most = 0;
  // In waves, as a client of two cores can send them.
  while (flood.length < backlog) {
    const waited = await depth();
    const wave = Array.from({ length: 500 }, () =>
      ask(agent, { key: heavy, outputTokens: 50, signal: leave.signal }).catch(() => null),
    );
    flood.push(...wave);
    await waitUntil(async () => (most = await depth()) > waited + 250, { what: 'a deeper backlog' });
  }
  const beside = await oneAtATime(40);
  const left = await depth();
  t.diagnostic(
    `p95 alone ${alone.toFixed(0)} ms, beside ${most} to ${left} waiting ${beside.toFixed(0)} ms, service ${serviceMs} ms`,
  );
  leave.abort();
  await Promise.all(flood);
  await waitUntil(async () => (await depth()) === 0, { what: 'nobody waits any more', deadlineMs: 60_000 });
  assert.ok(left > backlog / 3, `${left} still wait`);
  assert.ok(beside <= 1.5 * alone + serviceMs, `${beside} ms beside, ${alone} ms alone`);
});
