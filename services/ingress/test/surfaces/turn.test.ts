import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadGatewayConfig } from '@sluice/shared/config/load-config.ts';
import type { Caller } from '@sluice/shared/contracts/caller.ts';
import { sampleJob } from '../../../../packages/shared/test/conformance/sample-job.ts';
import { turnOf } from '../../src/surfaces/openai/turn.ts';

const config = await loadGatewayConfig({
  file: null,
  values: {
    router_settings: { default_priority: 7 },
    sluice_settings: { fair_share: { weights: { gold: 3, night: 0.5 }, default_weight: 2 } },
  },
  env: { SLUICE_MASTER_KEY: 'sk-a-long-enough-key' },
  warn: () => {},
});
const { caller } = sampleJob();
const usual = { flow: `key:${caller.keyHash}`, weight: 2, lane: 'interactive', priority: 7 };

const cases: { body?: Record<string, unknown>; from?: Partial<Caller>; turn: object; why: string }[] = [
  { turn: usual, why: 'a key without a team is its own flow, of the default weight and priority' },
  { from: { teamId: 'gold', keyAlias: 'night' }, turn: { ...usual, flow: 'team:gold', weight: 3 }, why: 'a team' },
  { from: { teamId: 'other', keyAlias: 'night' }, turn: { ...usual, flow: 'team:other' }, why: 'the team counts' },
  { from: { keyAlias: 'night' }, turn: { ...usual, weight: 0.5 }, why: 'a key by its alias' },
  { body: { priority: 0 }, turn: { ...usual, priority: 0 }, why: 'the soonest priority' },
  { body: { priority: '255' }, turn: { ...usual, priority: 255 }, why: 'a priority as text' },
  { body: { priority: null }, turn: usual, why: 'no priority' },
  { body: { service_tier: 'flex' }, turn: { ...usual, lane: 'batch' }, why: 'flex may wait' },
  { body: { service_tier: 'auto' }, turn: usual, why: 'another tier' },
];

for (const { body = {}, from = {}, turn, why } of cases) {
  test(`turn: ${why}`, () => assert.deepEqual(turnOf(body, { ...caller, ...from }, config), turn));
}

for (const priority of [-1, 256, 1.5, 'soon', {}]) {
  test(`turn: 400 for a priority of ${JSON.stringify(priority)}`, () =>
    assert.throws(() => turnOf({ priority }, caller, config), { code: 'invalid_request', param: 'priority' }));
}
