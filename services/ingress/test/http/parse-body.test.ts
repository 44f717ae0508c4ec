import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import { EmbeddingRequest } from '@sluice/shared/api/openai/embedding.ts';
import { KeyGenerateRequest } from '@sluice/shared/api/litellm/key.ts';
import { ManagementValidationError, parseBody, parseManagementBody } from '../../src/http/parse-body.ts';

const messages = [{ role: 'user', content: 'hi' }];

test('a body that fits comes back, unknown fields included', () => {
  const body = { model: 'm', messages, extra: 1 };
  assert.deepEqual(parseBody(ChatCompletionRequest, body, '/chat/completions'), body);
});

const refused = [
  { body: { model: 'm' }, param: 'messages', message: "/chat/completions: Missing required parameter: 'messages'." },
  { body: {}, param: 'model', message: "/chat/completions: Missing required parameter: 'model'." },
  { body: { model: 'm', messages: [{ role: 'user' }] }, param: 'messages.0.content', message: /Missing required/ },
  { body: { model: 'm', messages: [{}] }, param: 'messages.0.role', message: /Missing required/ },
  { body: { model: 'm', messages: [{ role: 'robot' }] }, param: 'messages.0.role', message: /Invalid value/ },
  { body: { model: 7, messages }, param: 'model', message: /Invalid value for 'model': .*expected string/ },
  { body: { model: 'm', messages, n: 0 }, param: 'n', message: /Invalid value for 'n'/ },
  { body: { model: 'm', messages, stop: [1] }, param: 'stop.0', message: /Invalid value for 'stop\.0': .*string/ },
  { body: { model: 'm', messages, stop: 1 }, param: 'stop', message: /Invalid value for 'stop'/ },
  {
    body: { model: 'm', messages: [{ role: 'user', content: [{ type: 'text' }] }] },
    param: 'messages.0.content.0.text',
    message: /Missing required/,
  },
  { body: null, param: 'request_body', message: /JSON object/ },
  { body: undefined, param: 'request_body', message: /JSON object/ },
  { body: [], param: 'request_body', message: /JSON object/ },
  { body: 'text', param: 'request_body', message: /JSON object/ },
];

for (const { body, param, message } of refused) {
  test(`an LLM body is refused at ${param}: ${JSON.stringify(body)}`, () =>
    assert.throws(() => parseBody(ChatCompletionRequest, body, '/chat/completions'), {
      code: 'invalid_request',
      param,
      message,
    }));
}

test('token arrays for embeddings are refused at the field', () =>
  assert.throws(() => parseBody(EmbeddingRequest, { model: 'm', input: [1, 2] }), { param: 'input.0' }));

const management = [
  { body: { models: 'm' }, type: 'list_type', loc: ['body', 'models'], input: 'm' },
  { body: { models: ['a', 1] }, type: 'string_type', loc: ['body', 'models', 1], input: 1 },
  { body: { max_budget: '10' }, type: 'float_type', loc: ['body', 'max_budget'], input: '10' },
  { body: { max_budget: Infinity }, type: 'float_type', loc: ['body', 'max_budget'], input: Infinity },
  { body: { rpm_limit: 1.5 }, type: 'int_type', loc: ['body', 'rpm_limit'], input: 1.5 },
  { body: { blocked: 'yes' }, type: 'bool_type', loc: ['body', 'blocked'], input: 'yes' },
  { body: { metadata: [] }, type: 'dict_type', loc: ['body', 'metadata'], input: [] },
  { body: { key_alias: 'a\0b' }, type: 'value_error', loc: ['body', 'key_alias'], input: 'a\0b' },
  { body: { metadata: { a: ['\0'] } }, type: 'value_error', loc: ['body', 'metadata'], input: {} },
  { body: { metadata: { a: '\ud800' } }, type: 'value_error', loc: ['body', 'metadata'], input: {} },
  { body: { metadata: { a: 'x'.repeat(70_000) } }, type: 'value_error', loc: ['body', 'metadata'], input: {} },
  { body: { metadata: JSON.parse('{"a":'.repeat(5000) + '1' + '}'.repeat(5000)) }, type: 'value_error', loc: ['body', 'metadata'], input: {} },
  { body: [], type: 'dict_type', loc: ['body'], input: [] },
]; // prettier-ignore

for (const [index, { body, type, loc, input }] of management.entries()) {
  test(`a management body is refused at ${loc.join('.')} (${index})`, () =>
    assert.throws(
      () => parseManagementBody(KeyGenerateRequest, body),
      (error) => {
        assert.ok(error instanceof ManagementValidationError);
        const [first] = error.detail;
        assert.deepEqual({ ...first, msg: '' }, { type, loc, msg: '', input });
        assert.ok(first?.msg);
        return true;
      },
    ));
}

test('no management body is an empty one', () =>
  assert.deepEqual(parseManagementBody(KeyGenerateRequest, undefined), {}));

test('a thousand wrong fields make no endless answer', () =>
  assert.throws(
    () => parseManagementBody(KeyGenerateRequest, { models: Array.from({ length: 1000 }, () => 1) }),
    (error) => error instanceof ManagementValidationError && error.detail.length === 20,
  ));
