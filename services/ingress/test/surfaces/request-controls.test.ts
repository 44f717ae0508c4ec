import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadGatewayConfig } from '@sluice/shared/config/load-config.ts';
import { fallbackChain } from '../../src/surfaces/openai/request-controls.ts';
import { virtualKey } from '../auth/virtual-keys.ts';

const entry = (model_name: string, model: string) => ({
  model_name,
  litellm_params: { model, input_cost_per_token: 0, output_cost_per_token: 0 },
});

const config = await loadGatewayConfig({
  file: null,
  env: { OPENAI_API_KEY: 'sk' },
  warn: () => undefined,
  values: {
    model_list: [
      entry('grok', 'ollama/grok'),
      entry('small', 'ollama/small'),
      entry('last', 'ollama/last'),
      entry('vectors', 'ollama/embed'),
      entry('any/*', 'ollama/*'),
    ],
    router_settings: {
      model_group_alias: { 'gpt-4': 'grok', tiny: 'small' },
      fallbacks: [{ grok: ['small'] }, { 'any/*': ['grok'] }, { 'any/special': ['last'] }, { tiny: ['last'] }],
      default_fallbacks: ['any/default'],
      max_fallbacks: 3,
    },
  },
});

const cases: { alias: string; asked?: string[]; models?: string[]; is: string[]; why: string }[] = [
  { alias: 'grok', is: ['small', 'any/default'], why: 'its own, and what follows from them' },
  { alias: 'gpt-4', is: ['small', 'any/default', 'grok'], why: 'another name has those of what it stands for' },
  { alias: 'tiny', is: ['last', 'any/default', 'grok'], why: 'unless it has its own' },
  { alias: 'any/thing', is: ['grok', 'small', 'any/default'], why: 'a name of a wildcard has those of the pattern' },
  { alias: 'any/special', is: ['last', 'any/default', 'grok'], why: 'unless it has its own, too' },
  {
    alias: 'grok',
    asked: ['any/asked', 'any/embedder', 'nobody'],
    is: ['any/asked'],
    why: 'the request may name wildcards',
  },
  { alias: 'grok', models: ['grok', 'any/*'], is: [], why: 'a key may not use what its list does not match' },
  { alias: 'small', models: ['any/*'], is: ['any/default'], why: 'and may use what it does' },
];
for (const { alias, asked, models = [], is, why } of cases) {
  test(`fallbacks of ${alias}: ${why}`, () => {
    const key = virtualKey('sk-one', { models });
    assert.deepEqual(fallbackChain(alias, asked, config, key), is);
  });
}
