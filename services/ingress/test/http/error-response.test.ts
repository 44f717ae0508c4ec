import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { GatewayError } from '@sluice/shared/errors.ts';
import { toErrorResponse } from '../../src/http/error-response.ts';
import { ManagementValidationError } from '../../src/http/parse-body.ts';

test('a GatewayError has the envelope, its status as text, and what the table says', () =>
  assert.deepEqual(toErrorResponse(new GatewayError('key_unknown', 'Who?', { param: 'key', cause: 'secret' })), {
    status: 401,
    body: { error: { message: 'Who?', type: 'token_not_found_in_db', param: 'key', code: '401' } },
    headers: {},
  }));

test('headers and whole seconds to wait are sent', () => {
  const options = { retryAfterSeconds: 0.2, headers: { rate_limit_type: 'requests' } };
  const { status, headers } = toErrorResponse(new GatewayError('rate_limited', 'Wait.', options));
  assert.equal(status, 429);
  assert.deepEqual(headers, { rate_limit_type: 'requests', 'retry-after': '1' });
});

for (const error of [new Error('select * from secrets'), 'text', null, undefined, { code: 'key_unknown' }]) {
  test(`what is not ours stays inside: ${inspect(error, { compact: true }).split('\n')[0]}`, () =>
    assert.deepEqual(toErrorResponse(error), {
      status: 500,
      body: {
        error: { message: 'Internal server error', type: 'internal_server_error', param: null, code: '500' },
      },
      headers: {},
    }));
}

test('wrong types of a management request are 422 with detail', () => {
  const detail = [{ type: 'missing', loc: ['body', 'key'], msg: 'Field required', input: null }];
  assert.deepEqual(toErrorResponse(new ManagementValidationError(detail)), {
    status: 422,
    body: { detail },
    headers: {},
  });
});

test('a refused route has both shapes', () => {
  const error = { message: 'No.', type: 'permission_error', param: null, code: '403' };
  assert.deepEqual(toErrorResponse(new GatewayError('route_not_allowed', 'No.')).body, { detail: 'No.', error });
});

test("unknown routes and methods have both shapes, the framework's with its text", () => {
  for (const [code, detail] of [
    ['unknown_route', 'Not Found'],
    ['method_not_allowed', 'Method Not Allowed'],
  ] as const) {
    const { body } = toErrorResponse(new GatewayError(code, 'No.'));
    assert.equal(body.detail, detail);
    assert.ok('error' in body);
  }
});
