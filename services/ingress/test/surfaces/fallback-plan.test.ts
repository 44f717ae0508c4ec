import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Alias } from '@sluice/shared/config/gateway-config.ts';
import { loadGatewayConfig } from '@sluice/shared/config/load-config.ts';
import { isListed } from '../../src/auth/may-use-model.ts';
import { planFallbacks } from '../../src/surfaces/openai/fallback-plan.ts';
import type { AskedFallbacks, FallbackPlan } from '../../src/surfaces/openai/fallback-plan.ts';

const entry = (model_name: string, model: string) => ({
  model_name,
  litellm_params: { model, input_cost_per_token: 0, output_cost_per_token: 0 },
});

const load = (router_settings: Record<string, unknown>) =>
  loadGatewayConfig({
    file: null,
    env: { OPENAI_API_KEY: 'sk' },
    warn: () => undefined,
    values: {
      model_list: [
        entry('grok', 'ollama/grok'),
        entry('small', 'ollama/small'),
        entry('large', 'ollama/large'),
        entry('last', 'ollama/last'),
        entry('vectors', 'ollama/embed'),
        entry('any/*', 'ollama/*'),
      ],
      router_settings,
    },
  });

const config = await load({
  model_group_alias: { 'gpt-4': 'grok', tiny: 'small' },
  fallbacks: [{ grok: ['small'] }, { 'any/*': ['grok'] }, { 'any/special': ['last'] }, { tiny: ['last'] }],
  default_fallbacks: ['any/default'],
  max_fallbacks: 3,
});

const chains: { alias: string; asked?: AskedFallbacks; models?: string[]; is: string[]; why: string }[] = [
  { alias: 'grok', is: ['small', 'any/default'], why: 'its own, and what follows from them' },
  { alias: 'gpt-4', is: ['small', 'any/default', 'grok'], why: 'another name has those of what it stands for' },
  { alias: 'tiny', is: ['last', 'any/default', 'grok'], why: 'unless it has its own' },
  { alias: 'any/thing', is: ['grok', 'small', 'any/default'], why: 'a name of a wildcard has those of the pattern' },
  { alias: 'any/special', is: ['last', 'any/default', 'grok'], why: 'unless it has its own, too' },
  {
    alias: 'grok',
    asked: { own: ['any/asked', 'any/embedder', 'nobody'] },
    is: ['any/asked'],
    why: 'the request may name wildcards; these have their own, which it has had already',
  },
  {
    alias: 'last',
    asked: { own: ['any/asked'] },
    is: ['any/asked', 'grok', 'small'],
    why: 'the request before its own',
  },
  { alias: 'grok', asked: { own: [] }, is: [], why: 'the request may want none' },
  {
    alias: 'grok',
    asked: { general: new Map([['grok', ['last']]]) },
    is: ['last'],
    why: 'the request may replace them all',
  },
  { alias: 'grok', models: ['grok', 'any/*'], is: [], why: 'a key may not use what its list does not match' },
  { alias: 'small', models: ['any/*'], is: ['any/default'], why: 'and may use what it does' },
];
for (const { alias, asked = {}, models = [], is, why } of chains) {
  test(`fallbacks of ${alias}: ${why}`, () => {
    const mayFallBackTo = ({ name }: Alias) => isListed(models, name);
    assert.deepEqual(planFallbacks(alias, asked, config, mayFallBackTo).fallbacks, is);
  });
}

const byKind = await load({
  fallbacks: [{ grok: ['small'] }],
  context_window_fallbacks: [{ grok: ['large'] }, { small: ['grok', 'large'] }],
  max_fallbacks: 2,
});

const plans: { why: string; asked?: AskedFallbacks; is: FallbackPlan }[] = [
  {
    why: 'a kind of error has its own list, and what it leads to is reserved for too',
    is: {
      fallbacks: ['small', 'large'],
      fallbackPlan: {
        grok: { any: ['small'], contextWindow: ['large'] },
        small: { any: [], contextWindow: ['large'] },
      },
    },
  },
  {
    why: 'the list of the request comes first, whatever the error',
    asked: { own: ['last'] },
    is: {
      fallbacks: ['last', 'large'],
      fallbackPlan: { grok: { any: ['last'], contextWindow: ['last', 'large'] } },
    },
  },
  {
    why: 'the request may have a list for a kind of error',
    asked: { contextWindow: new Map([['*', ['vectors', 'last']]]), contentPolicy: new Map() },
    is: {
      fallbacks: ['small', 'last'],
      fallbackPlan: {
        grok: { any: ['small'], contextWindow: ['last'], contentPolicy: [] },
        small: { any: [], contextWindow: ['last'], contentPolicy: [] },
      },
    },
  },
  {
    why: 'no list is longer than the hops that are left',
    asked: { own: ['last', 'small', 'large'] },
    is: {
      fallbacks: ['last', 'small', 'large'],
      fallbackPlan: {
        grok: { any: ['last', 'small'], contextWindow: ['last', 'small'] },
        small: { any: [], contextWindow: ['large'] },
      },
    },
  },
];
for (const { why, asked = {}, is } of plans) {
  test(`fallbacks: ${why}`, () =>
    assert.deepEqual(
      planFallbacks('grok', asked, byKind, () => true),
      is,
    ));
}
