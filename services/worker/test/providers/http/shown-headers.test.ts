import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shownHeaders, withShownHeaders } from '../../../src/providers/http/shown-headers.ts';
import type { UpstreamExchange } from '../../../src/providers/http/upstream-exchange.ts';
import { ProviderError } from '../../../src/providers/provider.ts';

/** As much of an exchange as its headers need. */
function answeredWith(
  headers: Record<string, string>,
): Pick<UpstreamExchange, 'headers' | 'header' | 'providerRequestId'> {
  return { headers, header: (name) => headers[name] ?? null, providerRequestId: headers['opc-request-id'] ?? null };
}

const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`opc-${index}`, 'x']));

for (const { why, sent, shown } of [
  { why: 'only those that are named', sent: { 'opc-a': '1', 'set-cookie': 's' }, shown: ['opc-a'] },
  { why: 'none that is too long', sent: { 'opc-a': 'x'.repeat(1024), 'opc-b': 'x'.repeat(1025) }, shown: ['opc-a'] },
  { why: 'none that no header may hold', sent: { 'opc-a': 'tab\t', 'opc-b': 'é', 'opc-c': '\n' }, shown: ['opc-a'] },
  { why: 'not too many', sent: many, shown: Object.keys(many).slice(0, 32) },
] as const) {
  test(`shown headers: ${why}`, () =>
    assert.deepEqual(Object.keys(shownHeaders(answeredWith(sent), /^opc-/)), [...shown]));
}

test('shown headers: a failure keeps all that it says, and gains them and the request id', () => {
  const said = { message: 'Slow down.', code: 'provider_throttled' } as const;
  const details = { status: 429, param: 'p', retryAfterSeconds: 7, mayBeBilled: true, providerCode: 'TooMany' };
  const error = new ProviderError(said.code, said.message, details);
  const shown = withShownHeaders(error, answeredWith({ 'opc-request-id': 'a/b/c', date: 'today' }), /^opc-/);
  const { message, code, cause, providerRequestId, providerHeaders } = shown;
  assert.deepEqual({ message, code }, said);
  const { status, param, retryAfterSeconds, mayBeBilled, providerCode } = shown;
  assert.deepEqual({ status, param, retryAfterSeconds, mayBeBilled, providerCode }, details);
  assert.deepEqual([cause, providerRequestId, providerHeaders], [error, 'a/b/c', { 'opc-request-id': 'a/b/c' }]);
  assert.equal(withShownHeaders(error, answeredWith({}), /^opc-/), error, 'there was no answer');
});
