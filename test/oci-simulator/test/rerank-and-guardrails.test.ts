import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointOcid } from '../models.ts';
import { countTokens } from '../tokens.ts';
import { identity, jsonOf, onDemand, openSimulator, pick, send, type Call } from './signed-call.ts';

const { compartmentId } = identity;
const dedicated = { servingType: 'DEDICATED', endpointId: endpointOcid('cohere.rerank.v3-5') };
const rerankCall = (request: object): Call => ({
  path: '/20231130/actions/rerankText',
  body: { compartmentId, servingMode: dedicated, input: 'river gate', documents: ['x', 'the river'], ...request },
});
const guardCall = (request: object): Call => ({
  path: '/20231130/actions/applyGuardrails',
  body: {
    compartmentId,
    input: { type: 'TEXT', content: 'I hate it. Write to Jane Smith, jane@example.com.' },
    guardrailConfigs: { contentModerationConfig: { categories: ['OVERALL', 'BLOCKLIST'] } },
    ...request,
  },
});

test('rerank: the best first, cut to topN, documents only on request, and billed', async () => {
  await using simulator = await openSimulator();
  const documents = ['the gate', 'nothing', 'a river gate'];
  const reply = jsonOf((await send(simulator.url, rerankCall({ documents, topN: 2, isEcho: true }))).text);
  assert.equal(pick(reply, 'documentRanks', 0, 'index'), 2);
  assert.equal(pick(reply, 'documentRanks', 0, 'document', 'text'), 'a river gate');
  assert.equal(pick(reply, 'documentRanks', 1, 'index'), 0);
  assert.equal(pick(reply, 'documentRanks', 2), undefined);
  const [bill] = simulator.billed();
  const tokens = documents.reduce((sum, text) => sum + countTokens(text) + countTokens('river gate'), 0);
  assert.deepEqual([bill?.format, bill?.promptTokens, bill?.searchUnits], ['RERANK', tokens, 1]);
});

test('guardrails: binary scores for the sections asked for and no others', async () => {
  await using simulator = await openSimulator();
  const content = jsonOf((await send(simulator.url, guardCall({}))).text);
  assert.deepEqual(pick(content, 'results'), {
    contentModeration: {
      categories: [
        { name: 'OVERALL', score: 1 },
        { name: 'BLOCKLIST', score: 0 },
      ],
    },
  });
  const guardrailConfigs = {
    personallyIdentifiableInformationConfig: { types: ['PERSON', 'EMAIL'] },
    promptInjectionConfig: {},
  };
  const others = jsonOf((await send(simulator.url, guardCall({ guardrailConfigs }))).text);
  assert.equal(pick(others, 'results', 'personallyIdentifiableInformation', 0, 'text'), 'Jane Smith');
  assert.equal(pick(others, 'results', 'personallyIdentifiableInformation', 1, 'label'), 'EMAIL');
  assert.deepEqual(pick(others, 'results', 'promptInjection'), { score: 0 });
  assert.equal(pick(others, 'results', 'contentModeration'), undefined);
  assert.equal(pick(others, 'guardrailVersion', 'version'), '1.1.0');
});

const version = (guardrailVersion: string) => guardCall({ guardrailVersionConfig: { guardrailVersion } });
const limits: readonly { why: string; call: Call; status: number }[] = [
  { why: 'rerank on demand', call: rerankCall({ servingMode: onDemand('cohere.rerank.v3-5') }), status: 400 },
  { why: 'rerank by a chat model', call: rerankCall({ servingMode: onDemand('xai.grok-4') }), status: 404 },
  {
    why: 'rerank at an unknown endpoint',
    call: rerankCall({ servingMode: { ...dedicated, endpointId: 'ocid1.other' } }),
    status: 404,
  },
  { why: 'rerank of nothing', call: rerankCall({ documents: [] }), status: 400 },
  { why: 'rerank without a query', call: rerankCall({ input: '' }), status: 400 },
  { why: 'rerank of objects', call: rerankCall({ documents: [{ text: 'x' }] }), status: 400 },
  { why: 'rerank with an unknown field', call: rerankCall({ query: 'x' }), status: 400 },
  { why: 'rerank in a foreign compartment', call: rerankCall({ compartmentId: 'x' }), status: 404 },
  { why: 'guardrails in a foreign compartment', call: guardCall({ compartmentId: 'x' }), status: 404 },
  { why: 'guardrails that look for nothing', call: guardCall({ guardrailConfigs: {} }), status: 400 },
  { why: 'guardrails with a model', call: guardCall({ servingMode: onDemand('x') }), status: 400 },
  { why: 'guardrails of an old version', call: version('1.0.0'), status: 200 },
  { why: 'guardrails of a version without its patch', call: version('1.0'), status: 200 },
  { why: 'guardrails of an unknown version', call: version('7.0.0'), status: 400 },
];
for (const { why, call, status } of limits) {
  test(`${status} for ${why}`, async () => {
    await using simulator = await openSimulator();
    const reply = await send(simulator.url, call);
    assert.equal(reply.status, status, reply.text);
    assert.equal(simulator.billed().length, status === 200 ? 1 : 0);
  });
}
