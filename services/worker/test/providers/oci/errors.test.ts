import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRetryAfter } from '../../../src/providers/http/retry-after.ts';
import { errorFromEvent, errorFromUnknown, ociFailures } from '../../../src/providers/oci/errors.ts';

const refused = (status: number, body: string) =>
  ociFailures.fromHttp({ status, body, retryAfter: null, providerRequestId: 'req' }, 0);
const oci = (code: string, message: string) => JSON.stringify({ code, message });

const cases = [
  { status: 400, code: 'provider_bad_request', named: 'BadRequestError', billed: false },
  { status: 401, code: 'provider_authentication', named: 'AuthenticationError', billed: false },
  { status: 403, code: 'provider_permission', named: 'PermissionDeniedError', billed: false },
  { status: 404, code: 'provider_not_found', named: 'NotFoundError', billed: false },
  { status: 405, code: 'provider_bad_request', named: 'BadRequestError', billed: false },
  { status: 408, code: 'provider_timeout', named: 'Timeout', billed: true },
  { status: 409, code: 'provider_conflict', named: 'APIError', billed: false },
  { status: 413, code: 'provider_bad_request', named: 'BadRequestError', billed: false },
  { status: 422, code: 'provider_unprocessable', named: 'UnprocessableEntityError', billed: false },
  { status: 429, code: 'provider_throttled', named: 'RateLimitError', billed: false },
  { status: 500, code: 'provider_failed', named: 'InternalServerError', billed: false },
  { status: 502, code: 'provider_bad_gateway', named: 'BadGatewayError', billed: true },
  { status: 503, code: 'provider_unavailable', named: 'ServiceUnavailableError', billed: false },
  { status: 504, code: 'provider_gateway_timeout', named: 'Timeout', billed: true },
  { status: 507, code: 'provider_bad_gateway', named: 'APIError', billed: true },
  { status: 302, code: 'provider_bad_gateway', named: 'APIError', billed: true },
];
for (const { status, code, named, billed } of cases) {
  test(`provider error: ${status} is ${code}`, () => {
    const body = oci(String(status), 'It says so.');
    const error = refused(status, body);
    assert.equal(error.code, code);
    assert.equal(error.status, status);
    assert.equal(error.mayBeBilled, billed);
    assert.equal(error.providerRequestId, 'req');
    assert.equal(error.message, `litellm.${named}: OciException - ${body}`);
  });
}

const contextTexts = [
  "This model's maximum context length is 128000 tokens. However, your messages resulted in 140000 tokens.",
  'too many tokens: size limit exceeded by 11326 tokens.',
  'Input is too long for requested model.',
  'prompt is too long: 210000 tokens > 200000 maximum',
  'The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).',
  'Invalid request: total tokens exceed the context window',
];
for (const text of contextTexts) {
  test(`provider error: context window, "${text.slice(0, 40)}…"`, () => {
    const error = refused(400, oci('400', text));
    assert.equal(error.code, 'context_window_exceeded');
    assert.match(error.message, /^litellm\.ContextWindowExceededError: OciException - /);
  });
}

const policyTexts = [
  'Inappropriate content detected!',
  "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
  'Your request was flagged as violating our safety policies.',
  'content_filter',
];
for (const text of policyTexts) {
  test(`provider error: content policy, "${text.slice(0, 40)}…"`, () =>
    assert.equal(refused(400, oci('400', text)).code, 'content_policy_violation'));
}

test('provider error: words of a context limit in another status change nothing', () =>
  assert.equal(refused(500, oci('500', 'context length exceeded')).code, 'provider_failed'));

test("provider error: a parameter's name is no content policy", () =>
  assert.equal(refused(400, oci('400', "Invalid value for 'safetyMode'.")).code, 'provider_bad_request'));

test("provider error: the vendor's own JSON within the message gives the parameter and the reason", () => {
  const vendor = {
    error: { message: 'No.', type: 'invalid_request_error', param: 'temperature', code: 'unsupported_value' },
  };
  const error = refused(400, oci('400', JSON.stringify(vendor)));
  assert.equal(error.code, 'provider_bad_request');
  assert.equal(error.param, 'temperature');

  const tooLong = { error: { message: 'Too much.', param: 'messages', code: 'context_length_exceeded' } };
  assert.equal(refused(400, oci('400', JSON.stringify(tooLong))).code, 'context_window_exceeded');
});

const oddBodies = [
  '',
  '<html><body>502 Bad Gateway</body></html>',
  'null',
  '[]',
  '"text"',
  '{"message":{}}',
  '{"error":"x"}',
];
for (const body of oddBodies) {
  test(`provider error: the body ${body || '(empty)'} is kept as it is`, () =>
    assert.equal(refused(503, body).message, `litellm.ServiceUnavailableError: OciException - ${body}`));
}

test('provider error: a long page is cut', () => {
  const { message } = refused(502, `<html>${'x'.repeat(1_000_000)}</html>`);
  assert.ok(message.length < 5000);
  assert.ok(message.endsWith('…'));
});

test('provider error: what a proxy repeats of our request is not passed on', () => {
  const { message } = refused(
    502,
    'authorization: Signature version="1",keyId="t/u/f",signature="c2VjcmV0"\nAuthorization: Bearer sk-secret\n-----BEGIN PRIVATE KEY-----\nMIIsecret\n-----END PRIVATE KEY-----',
  );
  assert.doesNotMatch(message, /c2VjcmV0|sk-secret|MIIsecret/);
});

const now = Date.parse('2026-11-21T08:00:00Z');
const waits = [
  { header: null, seconds: null },
  { header: '', seconds: null },
  { header: '7', seconds: 7 },
  { header: '0', seconds: 0 },
  { header: '1.5', seconds: 1.5 },
  { header: '-1', seconds: null },
  { header: 'soon', seconds: null },
  { header: '999999', seconds: 3600 },
  { header: 'Sat, 21 Nov 2026 08:00:30 GMT', seconds: 30 },
  { header: 'Sat, 21 Nov 2026 07:00:00 GMT', seconds: null },
];
for (const { header, seconds } of waits) {
  test(`retry-after: ${header ?? 'absent'}`, () => assert.equal(readRetryAfter(header, now), seconds));
}

const events = [
  { event: { index: 0, message: { role: 'ASSISTANT' } }, code: null, why: 'an event of the answer' },
  { event: { message: 'text', pad: 'a' }, code: null, why: 'a message without a code' },
  { event: { finishReason: 'ERROR_TOXIC', errorMessage: 'toxic' }, code: null, why: 'toxic text ends the choice' },
  { event: { code: '500', message: 'Down.' }, code: 'provider_failed', why: 'code and message' },
  { event: { code: 429, message: 'Slow.' }, code: 'provider_throttled', why: 'a code that is a number' },
  { event: { code: 'Broken', message: 'x' }, code: 'provider_bad_gateway', why: 'a code that is a word' },
  { event: { error: { message: 'x', code: '503' } }, code: 'provider_unavailable', why: "OpenAI's shape" },
  { event: { error: 'x' }, code: 'provider_bad_gateway', why: 'an error that is a text' },
  { event: { finishReason: 'ERROR', errorMessage: 'x' }, code: 'provider_bad_gateway', why: "Cohere's errorMessage" },
  { event: { code: '400', message: 'maximum context length' }, code: 'context_window_exceeded', why: 'context words' },
];
for (const { event, code, why } of events) {
  test(`error event: ${why}`, () => {
    const error = errorFromEvent(event);
    assert.equal(error?.code ?? null, code);
    if (error) assert.equal(error.mayBeBilled, true);
  });
}

test('unknown failure: a plain object of the SDK is a connection that failed', () => {
  const error = errorFromUnknown({ code: undefined, message: 'fetch failed', requestEndpoint: 'POST x' }, false);
  assert.equal(error.code, 'provider_unreachable');
  assert.equal(error.mayBeBilled, false);
});

test("unknown failure: the SDK's error is known by its shape", () => {
  const error = errorFromUnknown({ statusCode: 404, serviceCode: '404', message: 'No.', opcRequestId: 'r' }, true);
  assert.equal(error.code, 'provider_not_found');
  assert.equal(error.providerRequestId, 'r');
});
