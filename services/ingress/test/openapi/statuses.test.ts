import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { GatewayError } from '@sluice/shared/errors.ts';
import { ErrorBody, ValidationErrorBody } from '../../src/routes/openapi/answers/error-bodies.ts';
import { errorStatuses } from '../../src/routes/openapi/responses.ts';
import type { Operation } from '../../src/routes/openapi/operation.ts';
import { componentSchemas, refTo } from '../../src/routes/openapi/schemas.ts';
import { noteAnswer } from './answered.ts';
import {
  awayKey,
  bareKey,
  brokenKey,
  fileBytesMax,
  inferenceBytesMax,
  limitedKey,
  masterKey,
  openApp,
  type OpenApp,
} from './open-app.ts';
import { operations } from './operations.ts';
import { sampleOf } from './sample-of.ts';

let gateway: OpenApp;
/** From where so many wrong keys have come that no other is looked at. */
let guessed: OpenApp;
/** Whose database is away, now and then. */
let away: OpenApp;
/** Whose database does not say what came of a change. */
let lost: OpenApp;
before(async () => {
  const silent = () => Promise.reject(new GatewayError('outcome_unknown', 'Nobody knows whether it has happened.'));
  gateway = await openApp();
  guessed = await openApp({ now: () => 0 });
  for (let n = 0; n < 20; n += 1) await guessed.ask('GET', '/models', { key: `sk-wrong-${n}` });
  away = await openApp();
  lost = await openApp({ sql: { query: silent, transaction: silent } });
});
after(() => Promise.all([gateway, guessed, away, lost].map((each) => each[Symbol.asyncDispose]())));

const components = componentSchemas(operations.flatMap(({ operation: { body } }) => (body ? [body] : [])));

/** What a key may call that belongs to nobody; of the rest nothing, whatever is added. */
const forEveryKey = new Set([
  ...operations.filter(({ kind }) => kind !== 'management').map(({ route }) => route),
  ...['/models', '/v1/models', '/models/*model', '/v1/models/*model'].map((path) => `GET ${path}`),
  ...['/model/info', '/v1/model/info', '/v2/model/info', '/model_group/info'].map((path) => `GET ${path}`),
  ...['/key/info', '/spend/logs', '/spend/logs/v2', '/spend/logs/ui', '/openapi.json'].map((path) => `GET ${path}`),
  ...['/key/health', '/spend/calculate', '/cost/estimate'].map((path) => `POST ${path}`),
]);

const managementBytesMax = 1024 * 1024;

/** What gets as far as a change where a sample of the schema does not: instead of some of its fields, or elsewhere. */
const someHash = 'a'.repeat(64);
const reaching: Readonly<Record<string, { readonly place?: string; readonly body?: object }>> = {
  'POST /key/service-account/generate': { body: { team_id: 'text' } },
  'POST /key/update': { body: { key: someHash } },
  'POST /key/regenerate': { body: { key: someHash } },
  'POST /key/:key/regenerate': { place: `/key/${someHash}/regenerate` },
  'POST /key/:key/reset_spend': { place: `/key/${someHash}/reset_spend` },
  'POST /key/block': { body: { key: someHash } },
  'POST /key/unblock': { body: { key: someHash } },
  'POST /team/permissions_update': { body: { team_member_permissions: ['/key/info'] } },
  'POST /user/update': { body: { user_id: 'text' } },
};

/** Answers of each change by itself, with 200: the tests of the route have its 504. */
const toldOfEach = new Set(['POST /key/bulk_update']);

/** With every property of its schemas, and with those alone that must be there. */
function samplesOf({ body = {} }: Operation): Record<string, unknown>[] {
  const names = Object.keys(body);
  const whole: Record<string, unknown> = Object.assign(
    {},
    ...names.map((name) => sampleOf({ $ref: refTo(name) }, components)),
  );
  const required = new Set(names.flatMap((name) => components[name]?.required ?? []));
  return [whole, Object.fromEntries(Object.entries(whole).filter(([name]) => required.has(name)))];
}

function oneParameter({ query = [] }: Operation): string | undefined {
  return query.flatMap((schema) => Object.keys(schema.shape))[0];
}

interface Init {
  readonly key?: string;
  readonly body?: string;
}

async function statusOf(method: string, path: string, init: Init, app = gateway): Promise<number> {
  const { status, body } = await answerOf(method, path, init, app);
  assert.ok(ErrorBody.safeParse(body).success || ValidationErrorBody.safeParse(body).success, JSON.stringify(body));
  return status;
}

function servedAt(path: string): string[] {
  return operations.filter((each) => each.path === path).map(({ method }) => method);
}

async function answerOf(method: string, path: string, init: Init, app = gateway) {
  const response = await app.ask(method, path, init);
  const body: unknown = await response.json();
  noteAnswer({ method, path }, response.status);
  return { status: response.status, headers: response.headers, body };
}

for (const { route, method, path, kind, operation } of operations) {
  const hasBody = kind === 'batch' ? operation.body !== undefined : method !== 'GET';
  const own = errorStatuses(kind, operation);

  test(`${route} 405: for another method`, async () => {
    const [other, another] = ['PUT', 'PATCH', 'DELETE', 'POST'].filter((one) => !servedAt(path).includes(one));
    const { status, headers } = await answerOf(other ?? '', path, { key: masterKey });
    assert.equal(status, 405);
    assert.ok(headers.get('allow')?.split(', ').includes(method));
    assert.equal((await gateway.ask(another ?? '', path, { key: masterKey })).status, 405);
  });

  if (kind !== 'public') {
    test(`${route} 401: documented`, () => assert.ok(own.includes(401)));
  }

  if (kind !== 'public' && kind !== 'metrics') {
    const body = hasBody ? { body: '{}' } : {};
    const callers: readonly (readonly [status: number, whose: string, key: string | undefined, app: () => OpenApp])[] =
      [
        [401, 'without a key', undefined, () => gateway],
        [401, 'for a key that there is not', 'sk-a-key-that-there-is-not', () => gateway],
        [403, 'for a key of other routes', limitedKey, () => gateway],
        [429, 'for one more that is no key, of an address', 'no-key-at-all', () => guessed],
        [500, 'where the gateway breaks', brokenKey, () => gateway],
        [503, 'while the database is away', awayKey, () => away],
      ];
    for (const [status, whose, key, app] of callers) {
      test(`${route} ${status}: ${whose}`, async () => {
        const init = { ...body, ...(key !== undefined && { key }) };
        assert.equal(await statusOf(method, path, init, app()), status);
        assert.ok(own.includes(status));
      });
    }
  }

  if (kind === 'management' && /[:*]/.test(route)) {
    test(`${route} 400: for a path that does not decode`, async () => {
      const odd = path.replace(/\bx\b/, '%ff');
      assert.equal(await statusOf(method, odd, { key: masterKey, ...(hasBody && { body: '{}' }) }), 400);
      assert.ok(own.includes(400));
    });
  }

  const parameter = kind === 'management' ? oneParameter(operation) : undefined;
  if (parameter !== undefined) {
    test(`${route} 422: for a parameter that is there twice`, async () => {
      const twice = `${path}?${parameter}=%00&${parameter}=%00`;
      assert.equal(await statusOf(method, twice, { key: masterKey }), 422);
      assert.ok(own.includes(422));
    });
  }

  if (kind === 'management' && own.includes(504) && !toldOfEach.has(route)) {
    test(`${route} 504: when the database does not say what came of it`, async () => {
      const { place = path, body = {} } = reaching[route] ?? {};
      const bodies = samplesOf(operation).map((sample) => JSON.stringify({ ...sample, ...body }));
      const statuses = await Promise.all(
        bodies.map((text) => statusOf(method, place, { key: masterKey, body: text }, lost)),
      );
      assert.ok(statuses.includes(504), statuses.join());
    });
  }

  if (!forEveryKey.has(route)) {
    test(`${route} 403: for a key that belongs to nobody`, async () => {
      assert.equal(await statusOf(method, path, { key: bareKey, ...(hasBody && { body: '{}' }) }), 403);
      assert.ok(own.includes(403));
    });
  }

  if (hasBody) {
    test(`${route} 400: for a body that is not JSON`, async () => {
      assert.equal(await statusOf(method, path, { key: masterKey, body: '{"a":' }), 400);
      assert.ok(own.includes(400));
    });

    const limit = kind === 'inference' ? inferenceBytesMax : managementBytesMax;
    test(`${route} 413: for a body that is too large`, async () => {
      assert.equal(await statusOf(method, path, { key: masterKey, body: 'a'.repeat(limit + 1) }), 413);
      assert.ok(own.includes(413));
    });
  }

  if (operation.form !== undefined) {
    test(`${route} 400: for a body that is no form`, async () => {
      assert.equal(await statusOf(method, path, { key: masterKey, body: '{"a":1}' }), 400);
      assert.ok(own.includes(400));
    });

    test(`${route} 413: for a body that is too large`, async () => {
      assert.equal(await statusOf(method, path, { key: masterKey, body: 'a'.repeat(2 * fileBytesMax + 1) }), 413);
      assert.ok(own.includes(413));
    });
  }

  if (operation.body !== undefined) {
    const expected = kind === 'management' ? 422 : 400;
    test(`${route} ${expected}: for a body that is no object`, async () => {
      for (const body of ['[]', '"text"', '7']) {
        assert.equal(await statusOf(method, path, { key: masterKey, body }), expected, body);
      }
      assert.ok(own.includes(expected));
    });
  }
}

test('what any key may call is in the document', () => {
  const routes = operations.map(({ route }) => route);
  for (const route of forEveryKey) assert.ok(routes.includes(route), route);
});
