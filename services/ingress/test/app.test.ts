import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { createApp, type AppDeps } from '../src/app.ts';
import { createAuthenticate } from '../src/auth/create-authenticate.ts';
import { createReadBytes } from '../src/http/read-bytes.ts';
import { registeredRoutes } from './registered-routes.ts';

/** What takes no key; everything else that there is, or ever will be, does. */
const publicRoutes = ['/health/liveness', '/health/liveliness', '/health/readiness'];

const { authenticate } = createAuthenticate({
  masterKey: 'the master key of this test',
  findPrincipal: async () => null,
  now: Date.now,
  cache: { freshMs: 500, staleIfErrorMs: 0, maxEntries: 10 },
});

/** Everything that may be touched before the caller is named; anything else fails the test. */
const touchable: Record<string, object> = {
  inference: {
    authenticate,
    metrics: { waiting: () => undefined, request: () => undefined },
    now: Date.now,
    newId: () => 'id',
    readBytes: createReadBytes(1024),
  },
  models: { authenticate },
  management: { authenticate },
  audit: { authenticate },
  spend: { authenticate },
  health: {
    isDraining: () => false,
    check: async () => ({ ready: true, parts: {} }),
    metrics: async () => 'secret_metric 1',
    metricsAccess: { authenticated: true, tokens: ['the master key of this test'] },
  },
};
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is missing must not be touched
const deps = { ...touchable, trustedProxies: [], onError: () => undefined } as unknown as AppDeps;
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

test('what takes no key is just what the list says', () => {
  const paths = registeredRoutes(app).map(({ path }) => path);
  for (const path of publicRoutes) assert.ok(paths.includes(path), path);
});
