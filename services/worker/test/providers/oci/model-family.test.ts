import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chatFamilyOf, embeddingFamilyOf } from '../../../src/providers/oci/model-family.ts';
import { supportedParams } from '../../../src/providers/chat/supported-params.ts';
import type { ParamRules } from '../../../src/providers/chat/supported-params.ts';
import { ProviderError } from '../../../src/providers/provider.ts';

const families = [
  { model: 'meta.llama-3.3-70b-instruct', is: ['GENERIC', 'maxTokens'], refuses: ['reasoning_effort'] },
  { model: 'meta.llama-4-maverick-17b-128e-instruct-fp8', is: ['GENERIC', 'maxTokens'], refuses: ['reasoning_effort'] },
  { model: 'xai.grok-4', is: ['GENERIC', 'maxTokens'], refuses: ['reasoning_effort', 'stop', 'presence_penalty'] },
  { model: 'xai.grok-4-fast-reasoning', is: ['GENERIC', 'maxTokens'], refuses: ['reasoning_effort', 'stop'] },
  { model: 'xai.grok-4-fast-non-reasoning', is: ['GENERIC', 'maxTokens'], refuses: ['reasoning_effort'] },
  { model: 'xai.grok-3', is: ['GENERIC', 'maxTokens'], refuses: ['reasoning_effort'] },
  { model: 'xai.grok-3-mini-fast', is: ['GENERIC', 'maxTokens'], refuses: ['stop'] },
  { model: 'xai.grok-4.3', is: ['GENERIC', 'maxTokens'], refuses: ['stop', 'n'] },
  { model: 'xai.grok-code-fast-1', is: ['GENERIC', 'maxTokens'], refuses: ['reasoning_effort', 'stop'] },
  { model: 'google.gemini-2.5-pro', is: ['GENERIC', 'maxTokens'], refuses: ['n'] },
  { model: 'openai.gpt-oss-120b', is: ['GENERIC', 'maxTokens'], refuses: [] },
  {
    model: 'openai.gpt-5',
    is: ['GENERIC', 'maxCompletionTokens'],
    refuses: ['temperature', 'top_p', 'stop', 'logprobs'],
  },
  { model: 'openai.o3', is: ['GENERIC', 'maxCompletionTokens'], refuses: ['temperature'] },
  { model: 'openai.gpt-4.1-mini', is: ['GENERIC', 'maxCompletionTokens'], refuses: ['reasoning_effort', 'top_k'] },
  {
    model: 'cohere.command-a-03-2025',
    is: ['COHERE', 'maxTokens'],
    refuses: ['n', 'parallel_tool_calls', 'logprobs', 'logit_bias'],
  },
  { model: 'cohere.command-latest', is: ['COHERE', 'maxTokens'], refuses: ['parallel_tool_calls'] },
  { model: 'cohere.command-a-vision-07-2025', is: ['COHEREV2', 'maxTokens'], refuses: ['n'] },
  { model: 'cohere.command-a-reasoning-08-2025', is: ['COHEREV2', 'maxTokens'], refuses: ['n'] },
  { model: 'ocid1.generativeaiendpoint.oc1..x', is: ['GENERIC', 'maxTokens'], refuses: [] },
];
for (const { model, is, refuses } of families) {
  test(`model family: ${model} is ${is.join(' with ')}`, () => {
    const family = chatFamilyOf(model);
    assert.deepEqual([family.apiFormat, family.outputLimitField], is);
    for (const param of refuses) assert.equal(family.params.has(param), false, `${param} is refused`);
    assert.ok(family.params.has('tools'));
  });
}

test('model family: only v4 embeddings have dimensions', () => {
  assert.ok(embeddingFamilyOf('cohere.embed-v4.0').params.has('dimensions'));
  assert.equal(embeddingFamilyOf('cohere.embed-multilingual-light-v3.0').params.has('dimensions'), false);
});

const request = { model: 'chat', messages: [] };
const params: ParamRules = new Map([['temperature', 'any']]);

test('params: what is not supported is refused by name, all of it at once', () => {
  const asked = { ...request, temperature: 0.5, logit_bias: { 1: 2 }, made_up: true };
  assert.throws(
    () => supportedParams(asked, params, false),
    (error) => {
      assert.ok(error instanceof ProviderError);
      assert.equal(error.code, 'unsupported_parameter');
      assert.equal(error.status, 400);
      assert.equal(error.mayBeBilled, false);
      assert.equal(error.param, 'logit_bias');
      assert.equal(
        error.message,
        "litellm.UnsupportedParamsError: oci does not support parameters: ['logit_bias', 'made_up'], for model=chat. To drop these, set `litellm.drop_params=True`",
      );
      return true;
    },
  );
});

test('params: with drop_params it is left out', () => {
  const kept = supportedParams({ ...request, temperature: 0.5, made_up: true }, params, true);
  assert.deepEqual(JSON.parse(JSON.stringify(kept)), { ...request, temperature: 0.5 });
});

test('params: what the client insists on is refused, not dropped; what the model supports is sent', () => {
  const asked = { ...request, temperature: 0.5, made_up: true, other: 1 };
  const allowed_openai_params = ['made_up', 'temperature', 'absent'];
  assert.throws(() => supportedParams({ ...asked, allowed_openai_params }, params, true), {
    param: 'made_up',
    message: /not support parameters: \['made_up'\].*What `allowed_openai_params` names is not dropped$/,
  });
  const kept = supportedParams({ ...asked, allowed_openai_params: ['temperature'] }, params, true);
  assert.equal(kept.temperature, 0.5);
  assert.equal(kept.made_up, undefined);
});

const ranges: ParamRules = new Map([
  ['temperature', { min: 0, max: 1 }],
  ['reasoning_effort', { oneOf: ['low', 'high'] }],
]);
test('params: a value out of the range is refused, with the values that work; or left out', () => {
  for (const fine of [{ temperature: 0 }, { temperature: 1 }, { reasoning_effort: 'high' }]) {
    assert.deepEqual(supportedParams({ ...request, ...fine }, ranges, false), { ...request, ...fine });
  }
  assert.throws(() => supportedParams({ ...request, temperature: 1.5 }, ranges, false), {
    param: 'temperature',
    message: /Values of 'temperature' that work: 0 to 1$/,
  });
  assert.throws(() => supportedParams({ ...request, reasoning_effort: 'medium' }, ranges, false), {
    param: 'reasoning_effort',
    message: /Values of 'reasoning_effort' that work: low, high$/,
  });
  const kept = supportedParams({ ...request, temperature: 1.5, reasoning_effort: 'medium' }, ranges, true);
  assert.deepEqual(JSON.parse(JSON.stringify(kept)), request);
});

test('params: another service tier has a price that is in no book', () =>
  assert.throws(() => supportedParams({ ...request, service_tier: 'priority' }, params, false), {
    param: 'service_tier',
  }));

test('params: an empty web_search_options asks for a search too', () =>
  assert.throws(() => supportedParams({ ...request, web_search_options: {} }, params, false), {
    param: 'web_search_options',
  }));

const fine = [
  { n: 1 },
  { n: null },
  { frequency_penalty: 0, presence_penalty: 0 },
  { logprobs: false },
  { tool_choice: 'auto' },
  { parallel_tool_calls: true },
  { made_up: null },
  { functions: [], logit_bias: {} },
  { stream: true, stream_options: { include_usage: true }, user: 'u', metadata: { a: 1 }, store: true },
  { max_tokens: 5, max_completion_tokens: 5, service_tier: 'auto' },
  { fallbacks: ['x'], num_retries: 2, timeout: 3, tags: [], cache: {}, drop_params: true, 'no-log': true },
  { mock_response: 'x', guardrails: [], litellm_metadata: {}, litellm_session_id: 'x', prompt_variables: {} },
];
for (const extra of fine) {
  test(`params: ${Object.keys(extra).join(', ')} need no support`, () =>
    assert.doesNotThrow(() => supportedParams({ ...request, ...extra }, params, false)));
}
