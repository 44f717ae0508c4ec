import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dropsParams, requestFor } from '../../src/pipeline/request-for.ts';

const defaults = { temperature: 0.5, seed: 1 };
const deployed: {
  why: string;
  additionalDropParams?: string[];
  body: Record<string, unknown>;
  is: Record<string, unknown>;
}[] = [
  { why: 'defaults where the request says nothing', body: { seed: 2, n: 3 }, is: { temperature: 0.5, seed: 2, n: 3 } },
  {
    why: 'without what the deployment never gets, its own defaults too',
    additionalDropParams: ['seed', 'logit_bias'],
    body: { logit_bias: { 1: 2 }, n: 3 },
    is: { temperature: 0.5, n: 3 },
  },
  {
    why: 'without what the request drops, a default too',
    body: { additional_drop_params: ['temperature', 'n'], n: 3 },
    is: { seed: 1, additional_drop_params: ['temperature', 'n'] },
  },
  {
    why: 'without what either drops',
    additionalDropParams: ['seed'],
    body: { additional_drop_params: ['temperature'] },
    is: { additional_drop_params: ['temperature'] },
  },
];
for (const { why, additionalDropParams, body, is } of deployed) {
  test(`a deployment's request: ${why}`, () => {
    const deployment = { defaultParams: defaults, ...(additionalDropParams && { additionalDropParams }) };
    assert.deepEqual(JSON.parse(JSON.stringify(requestFor(deployment, body))), is);
  });
}

for (const [asked, own, all, is] of [
  [true, false, false, true],
  [false, true, true, false],
  [undefined, true, false, true],
  [undefined, false, true, false],
  [null, undefined, true, true],
  [undefined, undefined, false, false],
] as const) {
  test(`drop_params of request ${asked}, deployment ${own}, settings ${all}: ${is}`, () =>
    assert.equal(
      dropsParams({ drop_params: asked }, own === undefined ? {} : { dropParams: own }, { dropParams: all }),
      is,
    ));
}
