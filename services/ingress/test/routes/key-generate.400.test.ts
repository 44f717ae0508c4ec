import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { noDatabase, openManagement, type Management } from './open-management.ts';

let gateway: Management;
before(async () => {
  gateway = await openManagement(noDatabase);
});
after(() => gateway[Symbol.asyncDispose]());

const cases = [
  { body: { max_budget: -5 }, param: 'max_budget', message: 'max_budget cannot be negative. Received: -5' },
  { body: { max_budget: 9_000_001 }, param: 'max_budget', message: /above 9000000/ },
  { body: { rpm_limit: -1 }, param: 'rpm_limit', message: 'rpm_limit cannot be negative. Received: -1' },
  { body: { tpm_limit: -1 }, param: 'tpm_limit', message: /negative/ },
  { body: { max_parallel_requests: -1 }, param: 'max_parallel_requests', message: /negative/ },
  { body: { duration: 'soon' }, param: 'duration', message: /^duration: Invalid duration 'soon'\. Use .*30d/ },
  { body: { budget_duration: '1y' }, param: 'budget_duration', message: /Invalid duration '1y'/ },
  { body: { metadata: { tags: 'a' } }, param: 'metadata.tags', message: /list of strings/ },
  {
    body: { key: 'pk-0123456789abcdef' },
    param: 'key',
    message: "Invalid key format. LiteLLM Virtual Key must start with 'sk-'. Received: pk-0****cdef",
  },
  {
    body: { fallback_model: 'nope' },
    param: 'fallback_model',
    message: /^fallback_model: there is no model nope here/,
  },
  { body: { fallback_model: ['llama', 'a', 'b'] }, param: 'fallback_model', message: /no model a, b here/ },
  { body: { budget_fallbacks: { grok: ['llama', 'nope'] } }, param: 'budget_fallbacks', message: /no model nope here/ },
  { body: { budget_fallbacks: { nope: ['llama'] } }, param: 'budget_fallbacks', message: /no model nope here/ },
  {
    body: { model_max_budget: { llama: { max_budget: 1, budget_limit: 2 } } },
    param: 'model_max_budget.llama',
    message: /max_budget and budget_limit are two names of one thing\. Received: 1 and 2$/,
  },
  { body: { key: 'sk-too-short' }, param: 'key', message: /16 to 255 visible/ },
  { body: { key: 'sk-with a space in it' }, param: 'key', message: /no spaces/ },
  {
    body: { content_policy: { block_words: ['a'] } },
    param: 'content_policy',
    message: /nothing else here blocks words yet, guardrails neither/,
  },
  ...[
    { spend: 1 },
    { allowed_cache_controls: ['no-cache'] },
    { guardrails: ['pii'] },
    { object_permission: { models: ['a'] } },
    { router_settings: { timeout: 1 } },
    { auto_rotate: true },
    { content_policy: { block_words: ['a'] } },
    { project_id: 'p' },
    { rpm_limit_type: 'guaranteed_throughput' },
    { tpm_limit_type: 'dynamic' },
    { agent_id: 'a' },
    { mcp_rpm_limit: { a: 1 } },
    { tag_rpm_limit: { a: 1 } },
    { throttle_on_budget_exceeded: true },
    { config: { a: 1 } },
    { policies: ['a'] },
    { prompts: ['a'] },
    { allowed_passthrough_routes: ['/a'] },
    { allowed_vector_store_indexes: [{ index_name: 'a' }] },
    { rotation_interval: '30d' },
    { send_invite_email: true },
  ].map((body) => ({ body, param: Object.keys(body)[0], message: /not supported yet: .+\. Leave it out\.$/ })),
  { body: { permissions: { pii: true } }, param: 'permissions.pii', message: /means nothing here/ },
  { body: { metadata: { model_rpm_limit: { a: 1 } } }, param: 'metadata.model_rpm_limit', message: /beside metadata/ },
  { body: { soft_budget: -1 }, param: 'soft_budget', message: /negative/ },
  { body: { max_token_budget: -1 }, param: 'max_token_budget', message: /negative/ },
  { body: { temp_budget_increase: -1 }, param: 'temp_budget_increase', message: /negative/ },
  {
    body: { budget_limits: [{ budget_duration: 'none', max_budget: 1 }] },
    param: 'budget_limits',
    message: /needs a budget_duration/,
  },
  { body: { budget_limits: [{ budget_duration: '1d', max_budget: -1 }] }, param: 'budget_limits', message: /negative/ },
  { body: { model_max_budget: { grok: { max_budget: -1 } } }, param: 'model_max_budget.grok', message: /negative/ },
  {
    body: { model_max_budget: { grok: { time_period: 'x' } } },
    param: 'model_max_budget.grok',
    message: /Invalid duration/,
  },
  { body: { model_rpm_limit: { grok: -1 } }, param: 'model_rpm_limit.grok', message: /negative/ },
  {
    body: { model_rpm_limit: { lama: 1 } },
    param: 'model_rpm_limit.lama',
    message: /no model, access group or pattern of models lama here.* Did you mean llama\?/,
  },
  {
    body: { model_tpm_limit: { 'oci/*': 1 } },
    param: 'model_tpm_limit.oci/*',
    message: /nothing would be limited\. See `\/v1\/models`/,
  },
  { body: { allowed_routes: ['llm_routes'] }, param: 'allowed_routes', message: /neither a path nor the name/ },
  { body: { metadata: { logging: [{}] } }, param: 'metadata.logging', message: /not supported yet/ },
];

for (const { body, param, message } of cases) {
  test(`POST /key/generate 400: ${JSON.stringify(body)}`, async () => {
    const { status, body: answer } = await gateway.post('/key/generate', body);
    assert.equal(status, 400);
    assert.equal(answer.error.type, 'bad_request_error');
    assert.equal(answer.error.param, param);
    if (typeof message === 'string') assert.equal(answer.error.message, message);
    else assert.match(answer.error.message, message);
  });
}

test('POST /key/generate 422: wrong types, all of them', async () => {
  const { status, body } = await gateway.post('/key/generate', { models: 'grok', max_budget: '1' });
  assert.equal(status, 422);
  assert.deepEqual(
    body.detail.map(({ type, loc, input }: { type: string; loc: string[]; input: unknown }) => ({ type, loc, input })),
    [
      { type: 'list_type', loc: ['body', 'models'], input: 'grok' },
      { type: 'float_type', loc: ['body', 'max_budget'], input: '1' },
    ],
  );
});
