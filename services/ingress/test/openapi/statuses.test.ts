import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ErrorBody, ValidationErrorBody } from '../../src/routes/openapi/answers/error-bodies.ts';
import { errorStatuses } from '../../src/routes/openapi/responses.ts';
import { bareKey, fileBytesMax, inferenceBytesMax, masterKey, openApp, type OpenApp } from './open-app.ts';
import { operations } from './operations.ts';

let gateway: OpenApp;
before(async () => {
  gateway = await openApp();
});
after(() => gateway[Symbol.asyncDispose]());

/** What a key may call that belongs to nobody; of the rest nothing, whatever is added. */
const forEveryKey = new Set([
  ...operations.filter(({ kind }) => kind !== 'management').map(({ route }) => route),
  ...['/models', '/v1/models', '/models/*model', '/v1/models/*model'].map((path) => `GET ${path}`),
  ...['/model/info', '/v1/model/info', '/v2/model/info', '/model_group/info'].map((path) => `GET ${path}`),
  ...['/key/info', '/spend/logs', '/spend/logs/v2', '/spend/logs/ui', '/openapi.json'].map((path) => `GET ${path}`),
  ...['/key/health', '/spend/calculate', '/cost/estimate'].map((path) => `POST ${path}`),
]);

const managementBytesMax = 1024 * 1024;

async function statusOf(method: string, path: string, init: { key?: string; body?: string }): Promise<number> {
  const { status, body } = await answerOf(method, path, init);
  assert.ok(ErrorBody.safeParse(body).success || ValidationErrorBody.safeParse(body).success, JSON.stringify(body));
  return status;
}

async function answerOf(method: string, path: string, init: { key?: string; body?: string }) {
  const response = await gateway.ask(method, path, init);
  const body: unknown = await response.json();
  return { status: response.status, headers: response.headers, body };
}

for (const { route, method, path, kind, operation } of operations) {
  const hasBody = kind === 'batch' ? operation.body !== undefined : method !== 'GET';
  const own = errorStatuses(kind, operation);

  test(`${route} 405: for another method`, async () => {
    const [other, another] = ['DELETE', 'PUT', 'POST'].filter((one) => one !== method);
    const { status, headers } = await answerOf(other ?? '', path, { key: masterKey });
    assert.equal(status, 405);
    assert.ok(headers.get('allow')?.split(', ').includes(method));
    assert.equal((await gateway.ask(another ?? '', path, { key: masterKey })).status, 405);
  });

  if (kind !== 'public') {
    test(`${route} 401: documented`, () => assert.ok(own.includes(401)));
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
