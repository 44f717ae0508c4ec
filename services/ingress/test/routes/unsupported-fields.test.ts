import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  refuseUnsupported,
  refuseUnsupportedOf,
  unsupportedOfBudgets,
} from '../../src/routes/management/unsupported-fields.ts';

/** What clients send for a field that they do not use. */
const neutral = [undefined, null, false, '', [], {}, { mcp_servers: [], vector_stores: [], mcp_tool_permissions: {} }];
const asking = [true, 0, 1, 'a', ['a'], [{}], { models: ['a'] }, { timeout: 0 }];

const ofKeys = [
  'agent_id',
  'allowed_cache_controls',
  'allowed_passthrough_routes',
  'allowed_vector_store_indexes',
  'auto_rotate',
  'config',
  'max_user_budget',
  'project_id',
  'prompts',
  'rotation_interval',
  'send_invite_email',
  'throttle_on_budget_exceeded',
];
const ofAll = [
  'guardrails',
  'content_policy',
  'mcp_rpm_limit',
  'object_permission',
  'policies',
  'router_settings',
  'tag_rpm_limit',
];

const tables = [
  { what: 'a key', names: [...ofKeys, ...ofAll], refuse: refuseUnsupported },
  {
    what: 'what has a budget by reference',
    names: ['budget_reset_at', ...ofAll],
    refuse: (body: object, { isNew }: { isNew: boolean }) => refuseUnsupportedOf(body, unsupportedOfBudgets, { isNew }),
  },
];

for (const { what, names, refuse } of tables) {
  for (const name of names) {
    test(`${name} of ${what}: refused when it asks for something, accepted when it does not`, () => {
      for (const isNew of [true, false]) {
        for (const value of neutral) refuse({ [name]: value }, { isNew });
        for (const value of asking) {
          const refusal = { code: 'invalid_management_request', param: name };
          assert.throws(() => refuse({ [name]: value }, { isNew }), refusal, JSON.stringify(value));
        }
      }
    });
  }

  test(`metadata and spend of ${what} may say nothing too`, () => {
    for (const name of ['allowed_tools', 'guardrails', 'logging', 'model_rpm_limit', 'model_tpm_limit']) {
      for (const value of neutral) refuse({ metadata: { [name]: value } }, { isNew: true });
      const refusal = { code: 'invalid_management_request', param: `metadata.${name}` };
      for (const value of asking)
        assert.throws(() => refuse({ metadata: { [name]: value } }, { isNew: true }), refusal);
    }
    for (const value of neutral) refuse({ spend: value }, { isNew: false });
    refuse({ spend: 0 }, { isNew: true });
    assert.throws(() => refuse({ spend: 0 }, { isNew: false }), { param: 'spend' });
  });
}
