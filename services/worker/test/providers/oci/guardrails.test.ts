import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModerationRequest } from '@sluice/shared/api/openai/moderation.ts';
import { fromGuardrailsResponse } from '../../../src/providers/oci/guardrails/from-guardrails-response.ts';
import { toGuardrailsRequests } from '../../../src/providers/oci/guardrails/to-guardrails-requests.ts';
import { asSent, deploymentOf, sampleCallId } from './fixtures.ts';

function sent(request: Partial<ModerationRequest>, model = 'guardrails'): unknown {
  return asSent(
    toGuardrailsRequests({
      callId: sampleCallId,
      deployment: deploymentOf(model),
      request: { model: 'mod', input: 'a', ...request },
      dropParams: false,
      mayBeSent: Promise.resolve(),
      timeouts: { connectMs: 1, firstTokenMs: 1, betweenTokensMs: 1 },
    }),
  );
}

const text = (content: string) => ({ type: 'TEXT', content });
const usual = { contentModerationConfig: { categories: ['OVERALL', 'BLOCKLIST'] } };
const requests: readonly { request: Partial<ModerationRequest>; model?: string; is: object[]; why: string }[] = [
  {
    request: {},
    is: [{ input: text('a'), guardrailConfigs: usual }],
    why: 'what OCI documents, unless asked otherwise',
  },
  {
    request: { input: ['a', 'b'] },
    is: [
      { input: text('a'), guardrailConfigs: usual },
      { input: text('b'), guardrailConfigs: usual },
    ],
    why: 'a text each',
  },
  {
    request: { categories: ['Hate', 'HATE', 'pii', 'prompt_injection'], pii_types: ['email'] },
    is: [
      {
        input: text('a'),
        guardrailConfigs: {
          contentModerationConfig: { categories: ['HATE'] },
          personallyIdentifiableInformationConfig: { types: ['EMAIL'] },
          promptInjectionConfig: {},
        },
      },
    ],
    why: 'each once, in the section it belongs to',
  },
  {
    request: { categories: ['prompt_injection'] },
    model: 'guardrails-1.0.1',
    is: [
      {
        input: text('a'),
        guardrailConfigs: { promptInjectionConfig: {} },
        guardrailVersionConfig: { guardrailVersion: '1.0.1' },
      },
    ],
    why: 'no section that was not asked for; the version by the name',
  },
];
for (const { request, model, is, why } of requests) {
  test(`guardrails request: ${why}`, () => assert.deepEqual(sent(request, model), is));
}

const person = { length: 10, offset: 3, text: 'Jane Smith', label: 'PERSON', score: 0.99 };
const whole = {
  results: {
    contentModeration: {
      categories: [
        { name: 'OVERALL', score: 1 },
        { name: 'BLOCKLIST', score: 0 },
      ],
    },
    personallyIdentifiableInformation: [person, { ...person, label: 'EMAIL', score: 0.5 }],
    promptInjection: { score: 1 },
  },
  guardrailVersion: { version: '1.0.1' },
};

test('guardrails answer: categories in lower case, personal data by place and without the text', () => {
  const event = fromGuardrailsResponse(whole, 4, ['overall', 'blocklist', 'pii', 'prompt_injection']);
  assert.deepEqual(event, {
    type: 'moderation',
    index: 4,
    categories: [
      { name: 'overall', score: 1 },
      { name: 'blocklist', score: 0 },
      { name: 'prompt_injection', score: 1 },
      { name: 'pii', score: 0.99 },
    ],
    entities: [
      { label: 'PERSON', offset: 3, length: 10, score: 0.99 },
      { label: 'EMAIL', offset: 3, length: 10, score: 0.5 },
    ],
  });
});

test('guardrails answer: nothing personal is a score of 0', () => {
  const event = fromGuardrailsResponse({ results: { personallyIdentifiableInformation: [] } }, 0, ['pii']);
  assert.deepEqual([event.categories, event.entities], [[{ name: 'pii', score: 0 }], []]);
});

const { results } = whole;
const silent = [
  { result: {}, wanted: ['overall'], why: 'nothing at all' },
  { result: { results: {} }, wanted: ['overall'], why: 'no content' },
  { result: { results: { contentModeration: { categories: [] } } }, wanted: ['hate'], why: 'no category' },
  { result: { results: { contentModeration: { categories: [{ name: 'X' }] } } }, wanted: ['x'], why: 'no score' },
  { result: { results: { contentModeration: results.contentModeration } }, wanted: ['overall', 'pii'], why: 'no pii' },
  { result: { results: { promptInjection: {} } }, wanted: ['prompt_injection'], why: 'no score of an injection' },
];
for (const { result, wanted, why } of silent) {
  test(`guardrails answer: ${why} where it was asked for is broken: silence is not innocence`, () =>
    assert.throws(() => fromGuardrailsResponse(result, 0, wanted), {
      code: 'provider_bad_gateway',
      mayBeBilled: true,
    }));
}
