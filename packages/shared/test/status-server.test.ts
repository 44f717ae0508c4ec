import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MetricsAccess } from '../src/metrics-access.ts';
import { openStatusServer } from '../src/status-server.ts';

const tokens = ['the-token-of-a-scraper', 'sk-the-master-key'];

const cases: readonly {
  access: MetricsAccess;
  authorization?: string;
  status: number;
  why: string;
}[] = [
  { access: { authenticated: true, tokens }, status: 401, why: 'without a token' },
  { access: { authenticated: true, tokens }, authorization: 'Bearer wrong', status: 401, why: 'with a wrong one' },
  { access: { authenticated: true, tokens }, authorization: `Bearer ${tokens[0]}`, status: 200, why: 'with its own' },
  {
    access: { authenticated: true, tokens },
    authorization: `bearer ${tokens[1]}`,
    status: 200,
    why: 'as the operator',
  },
  { access: { authenticated: true, tokens }, authorization: `${tokens[0]}`, status: 401, why: 'without Bearer' },
  { access: { authenticated: true, tokens: [null, ''] }, status: 401, why: 'when there is no token at all' },
  { access: { authenticated: true, tokens: [''] }, authorization: 'Bearer ', status: 401, why: 'with an empty one' },
  { access: { authenticated: false, tokens }, status: 200, why: 'when authentication is switched off' },
];

for (const { access, authorization, status, why } of cases) {
  test(`/metrics ${status}: ${why}`, async () => {
    await using server = await openStatusServer({
      host: '127.0.0.1',
      port: 0,
      pings: {},
      metrics: async () => 'a_metric 1\n',
      metricsAccess: access,
    });
    for (const path of ['/metrics', '/metrics/']) {
      const headers = authorization === undefined ? {} : { authorization };
      const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { headers });
      const body = await response.text();
      assert.equal(response.status, status);
      if (status === 200) assert.equal(body, 'a_metric 1\n');
      else assert.equal(JSON.parse(body).error.code, '401');
    }
    assert.equal((await fetch(`http://127.0.0.1:${server.port}/health/liveness`)).status, 200);
    assert.equal((await fetch(`http://127.0.0.1:${server.port}/health/readiness`)).status, 200);
    assert.equal((await fetch(`http://127.0.0.1:${server.port}/elsewhere`)).status, 404);
  });
}

test('/health/readiness 503: names the part that is out of reach, and no more', async () => {
  await using server = await openStatusServer({
    host: '127.0.0.1',
    port: 0,
    pings: { queue: async () => 'PONG', bus: () => Promise.reject(new Error('nats://user:password@host')) },
    metrics: async () => '',
    metricsAccess: { authenticated: false, tokens },
  });
  const response = await fetch(`http://127.0.0.1:${server.port}/health/readiness`);
  assert.equal(response.status, 503);
  assert.deepEqual(await response.json(), { status: 'unhealthy', parts: { queue: 'ok', bus: 'unavailable' } });
});

test('/metrics 429: wrong tokens are slowed down', async () => {
  await using server = await openStatusServer({
    host: '127.0.0.1',
    port: 0,
    pings: {},
    metrics: async () => 'a_metric 1\n',
    metricsAccess: { authenticated: true, tokens },
  });
  const ask = (token?: string) =>
    fetch(`http://127.0.0.1:${server.port}/metrics`, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
  for (let each = 0; each < 40; each += 1) assert.equal((await ask()).status, 401, 'nothing is no guess');
  const guesses = await Promise.all(Array.from({ length: 100 }, (_, number) => ask(`wrong-${number}`)));
  const slowed = guesses.filter(({ status }) => status === 429);
  assert.ok(slowed.length >= 1, `${slowed.length} were slowed down`);
  assert.match(slowed[0]?.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
});
