import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { createRequireMetricsAccess } from '@sluice/shared/metrics-access.ts';
import { WrongKeys } from '@sluice/shared/wrong-keys.ts';
import { loadGatewayConfig } from '@sluice/shared/config/load-config.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { z } from 'zod';
import { createApp, type AppDeps } from '../src/app.ts';
import { createAuthenticate } from '../src/auth/create-authenticate.ts';
import { createReadBytes } from '../src/http/read-bytes.ts';
import { namesOf } from './models/sample-models.ts';
import { noAttribution } from '../src/tenancy/attribution.ts';
import { managementParts, masterKey, noDatabase } from './routes/open-management.ts';
import { waitUntil } from '../../../test/servers/wait-until.ts';
import { registeredRoutes } from './registered-routes.ts';

/** What takes no key; everything else that there is, or ever will be, does. */
const publicRoutes = ['/health/liveness', '/health/liveliness', '/health/readiness'];

const { authenticate } = createAuthenticate({
  masterKey,
  findPrincipal: async () => null,
  findKnown: async () => new Set(),
  now: Date.now,
  cache: { freshMs: 500, staleIfErrorMs: 0, maxEntries: 10 },
});
const parts = { ...(await managementParts(noDatabase)), authenticate };
const { now } = parts;
const names = namesOf({ llama: ['oci/meta.llama-3.3-70b-instruct'] });

/** A step of a request that may not be taken before its caller is named. */
const tooEarly = (): never => {
  throw new Error('a step before the caller was named');
};

const deps: AppDeps = {
  inference: {
    authenticate,
    readBytes: createReadBytes(1024),
    claimKey: tooEarly,
    attribute: tooEarly,
    customerOf: tooEarly,
    softBudgets: { ended: tooEarly },
    requireTurn: tooEarly,
    admit: tooEarly,
    dispatch: tooEarly,
    recordRefusal: tooEarly,
    config: await loadGatewayConfig({ file: null, values: {}, env: {}, warn: () => undefined }),
    metrics: {
      request: () => undefined,
      waiting: () => undefined,
      firstByte: () => undefined,
      softBudgetReached: () => undefined,
    },
    version: '0',
    now,
    newId: () => 'id',
  },
  models: { authenticate, names, knownModels: tooEarly, prices: parts.prices, now },
  files: {
    authenticate,
    files: {
      create: tooEarly,
      requireRoom: tooEarly,
      find: tooEarly,
      list: tooEarly,
      read: tooEarly,
      delete: tooEarly,
    },
    maxBytes: 1024,
  },
  batches: {
    authenticate,
    sql: { query: tooEarly, transaction: tooEarly },
    files: { find: tooEarly, requireRoom: tooEarly },
    settings: { maxUnfinished: 1 },
    now,
  },
  management: parts,
  audit: parts,
  spend: parts,
  health: {
    isDraining: () => false,
    check: async () => ({ ready: true, parts: {} }),
    metrics: async () => 'secret_metric 1',
    requireMetricsAccess: createRequireMetricsAccess(
      { authenticated: true, tokens: [masterKey] },
      new WrongKeys({ now: Date.now }),
    ),
  },
  trustedProxies: ['loopback'],
  allowedIps: ['127.0.0.1', '10.0.0.0/8', '2001:db8::/32'],
  onError: () => undefined,
};
const app = createApp(deps);
const server = app.listen(0, '127.0.0.1');
before(() => once(server, 'listening'));
after(() => {
  server.closeAllConnections();
  server.close();
});

const requests = [
  { with: 'without a key', init: {} },
  { with: 'with an unknown key', init: { headers: { authorization: 'Bearer sk-nobodys-key-0123' } } },
  { with: 'with a body that is no JSON', init: { body: '{"a":' } },
  { with: 'with a body that is too large', init: { body: 'a'.repeat(3 * 1024 * 1024) } },
];

test('every route but those of health names its caller before anything else', async () => {
  const routes = registeredRoutes(app);
  assert.ok(routes.length > 40, `only ${routes.length} routes were found`);
  const { port } = z.object({ port: z.int() }).parse(server.address());
  const answers = routes.flatMap(({ path, methods }) =>
    methods.flatMap((method) =>
      requests
        .filter(({ init }) => method !== 'get' || !('body' in init))
        .map(async ({ init, ...request }) => {
          const url = `http://127.0.0.1:${port}${path.replaceAll(/[*:]\w+/g, 'x')}`;
          const response = await fetch(url, { ...init, method: method.toUpperCase() });
          return { path, method, status: response.status, body: await response.text(), ...request };
        }),
    ),
  );
  for (const answer of await Promise.all(answers)) {
    const isPublic = publicRoutes.includes(answer.path);
    const said = `${answer.method} ${answer.path} ${answer.with}: ${answer.body}`;
    if (isPublic) assert.equal(answer.status, 200, said);
    else assert.ok([401, 429].includes(answer.status), said);
    if (!isPublic && !('headers' in answer)) assert.ok(!answer.body.includes('secret_metric'), said);
  }
});

test('requests from elsewhere than allowed are refused before their key is looked at, but for those about health', async () => {
  const { port } = z.object({ port: z.int() }).parse(server.address());
  const statusOf = async (path: string, from: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { 'x-forwarded-for': from } });
    return { status: response.status, body: await response.text() };
  };
  for (const from of ['10.1.2.3', '::ffff:10.1.2.3', '2001:db8::7']) {
    assert.equal((await statusOf('/v1/models', from)).status, 401, `${from}: only the key is missing`);
  }
  for (const from of ['11.1.2.3', '::ffff:11.1.2.3', '2001:db9::7', 'nowhere']) {
    for (const path of ['/v1/models', '/metrics', '/no/such/route']) {
      const { status, body } = await statusOf(path, from);
      assert.equal(status, 403, `${path} from ${from}: ${body}`);
      assert.match(body, /Access forbidden: IP address .* not allowed/);
    }
    assert.equal((await statusOf('/health/liveness', from)).status, 200);
  }
});

test('what takes no key is just what the list says', () => {
  const paths = registeredRoutes(app).map(({ path }) => path);
  for (const path of publicRoutes) assert.ok(paths.includes(path), path);
});

describe('a streamed request that waits before it is queued', () => {
  const model = { model: 'ollama/a', input_cost_per_token: 0, output_cost_per_token: 0 };
  const late = new GatewayError('rate_limited', 'Its turn has not come.', { retryAfterSeconds: 1 });

  /** A gateway that lets nobody in; `refuse` says why not. */
  async function openWaiting(step: 'admit' | 'claimKey', heartbeatMs = 10) {
    const turn = Promise.withResolvers<never>();
    const begun = Promise.withResolvers<number>();
    const values = {
      model_list: [{ model_name: 'a', litellm_params: model }],
      sluice_settings: { sse_heartbeat_ms: heartbeatMs },
    };
    const config = await loadGatewayConfig({ file: null, values, env: {}, warn: () => undefined });
    const inference: AppDeps['inference'] = {
      ...deps.inference,
      config,
      claimKey: () => (step === 'claimKey' ? turn.promise : tooEarly()),
      attribute: async () => noAttribution,
      softBudgets: { ended: () => undefined },
      requireTurn: async () => undefined,
      admit: () => {
        begun.resolve(performance.now());
        return turn.promise;
      },
      recordRefusal: () => undefined,
    };
    const waiting = createApp({ ...deps, inference }).listen(0, '127.0.0.1');
    await once(waiting, 'listening');
    const { port } = z.object({ port: z.int() }).parse(waiting.address());
    return {
      /** Since when, by `performance.now()`, the first request waits to be admitted. */
      waiting: begun.promise,
      refuse: () => turn.reject(late),
      ask: (body: object, headers: Record<string, string>) =>
        fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
          method: 'POST',
          headers: { authorization: `Bearer ${masterKey}`, ...headers },
          body: JSON.stringify({ model: 'a', messages: [{ role: 'user', content: 'Hello.' }], ...body }),
        }),
      async [Symbol.asyncDispose]() {
        waiting.closeAllConnections();
        waiting.close();
        await once(waiting, 'close');
      },
    };
  }

  for (const [what, step, headers] of [
    ['for room in a budget', 'admit', {}],
    ['for the answer of another with its Idempotency-Key', 'claimKey', { 'idempotency-key': 'one' }],
  ] as const) {
    test(`${what} is kept alive, and its refusal is one last event`, async () => {
      await using gateway = await openWaiting(step);
      const { status, headers: head, body } = await gateway.ask({ stream: true }, headers);
      assert.equal(status, 200);
      assert.match(head.get('content-type') ?? '', /^text\/event-stream/);
      let text = '';
      for await (const part of body?.pipeThrough(new TextDecoderStream()) ?? []) {
        text += part;
        gateway.refuse();
      }
      assert.match(
        text,
        /^(?:: waiting\n\n)+data: \{"error":\{"message":"Its turn has not come\.".*"code":"429"\}\}\n\n$/,
      );
    });
  }

  for (const [what, body, heartbeatMs] of [
    ['has its status when it is refused sooner', { stream: true }, 60_000],
    ['that is not streamed has its status whenever it is refused', {}, 1],
  ] as const) {
    test(what, async () => {
      await using gateway = await openWaiting('admit', heartbeatMs);
      const asking = gateway.ask(body, {});
      const waitingSince = await gateway.waiting;
      await waitUntil(() => performance.now() - waitingSince > 20, { what: 'a heartbeat of a millisecond' });
      gateway.refuse();
      const { status, headers, body: text } = await asking;
      assert.deepEqual([status, headers.get('retry-after')], [429, '1']);
      await text?.cancel();
    });
  }
});
