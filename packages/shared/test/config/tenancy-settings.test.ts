import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadGatewayConfig } from '../../src/config/load-config.ts';

const load = (values: Record<string, unknown>) =>
  loadGatewayConfig({ file: null, values, env: {}, warn: (message) => assert.fail(message) });

test('tenancy settings: what the file says, in our units', async () => {
  const { tenancy } = await load({
    litellm_settings: {
      timezone: 'Europe/Berlin',
      extra_spend_tag_headers: ['X-Project'],
      disable_add_user_agent_to_request_tags: true,
      max_budget: 100.5,
      budget_duration: 'monthly',
      max_end_user_budget: 1,
      max_end_user_budget_id: 'customers',
      upperbound_key_generate_params: { max_budget: 10, duration: '30d', rpm_limit: 5 },
      default_key_generate_params: { models: ['a'] },
      key_generation_settings: {
        team_key_generation: { allowed_team_member_roles: ['admin'], required_params: ['tags'] },
        personal_key_generation: { required_params: [] },
      },
      enable_key_alias_format_validation: true,
      default_internal_user_params: { user_role: 'internal_user_viewer', budget_duration: '1d' },
      max_internal_user_budget: 3,
      internal_user_budget_duration: '30d',
    },
    general_settings: {
      default_team_disabled: true,
      global_max_parallel_requests: 64,
      enforce_user_param: true,
      token_rate_limit_type: 'output',
      user_header_name: 'X-User',
      user_header_mappings: [
        { header_name: 'X-Customer', litellm_user_role: 'customer' },
        { header_name: 'X-Employee', litellm_user_role: 'internal_user' },
      ],
    },
    sluice_settings: { calendar_budgets: true },
  });
  assert.deepEqual(tenancy, {
    timeZone: 'Europe/Berlin',
    calendarBudgets: true,
    proxyBudget: { maxBudgetNanoUsd: 100_500_000_000, budgetDuration: 'monthly' },
    proxyMaxParallelRequests: 64,
    countedTokens: 'output',
    requiresEndUser: true,
    customers: { maxBudgetNanoUsd: 1_000_000_000, budgetId: 'customers', headers: ['x-customer', 'x-user'] },
    tags: { headers: ['X-Project'], hasUserAgent: false },
    keys: {
      upperBounds: {
        max_budget: 10,
        budget_duration: null,
        duration: '30d',
        max_parallel_requests: null,
        tpm_limit: null,
        rpm_limit: 5,
      },
      defaults: { models: ['a'] },
      forTeams: { roles: ['admin'], requiredParams: ['tags'] },
      personal: { roles: null, requiredParams: [] },
      checksAliasFormat: true,
      needsTeam: true,
    },
    users: { defaults: { user_role: 'internal_user_viewer', budget_duration: '1d', max_budget: 3 } },
  });
});

const wrong = [
  {
    values: { general_settings: { global_max_parallel_requests: 0 } },
    says: /global_max_parallel_requests: expected an integer ≥ 1/,
  },
  {
    values: { general_settings: { token_rate_limit_type: 'prompt' } },
    says: /general_settings\.token_rate_limit_type: expected "total" or "input" or "output", got "prompt"/,
  },
  {
    values: { litellm_settings: { extra_spend_tag_headers: 'x-project' } },
    says: /extra_spend_tag_headers: expected a list/,
  },
  {
    values: { litellm_settings: { extra_spend_tag_headers: ['x-project', 'X-Api-Key'] } },
    says: /extra_spend_tag_headers: X-Api-Key may hold a secret/,
  },
  { values: { litellm_settings: { timezone: 'Mars/Olympus' } }, says: /timezone: expected an IANA name/ },
  { values: { litellm_settings: { max_budget: -1 } }, says: /max_budget: expected a number from 0/ },
  { values: { litellm_settings: { budget_duration: '1y' } }, says: /budget_duration: Invalid duration '1y'/ },
  {
    values: { litellm_settings: { default_key_generate_params: { models: 'a' } } },
    says: /default_key_generate_params: models: /,
  },
  {
    values: { litellm_settings: { default_internal_user_params: { user_role: 'king' } } },
    says: /default_internal_user_params: user_role: /,
  },
  {
    values: { litellm_settings: { max_internal_user_budget: -1 } },
    says: /max_internal_user_budget: expected a number/,
  },
  { values: { litellm_settings: { upperbound_key_generate_params: { duration: 'x' } } }, says: /Invalid duration 'x'/ },
  {
    values: { litellm_settings: { key_generation_settings: { personal_key_generation: { required_params: 'a' } } } },
    says: /required_params: expected a list/,
  },
  { values: { general_settings: { user_header_mappings: [{ name: 'x' }] } }, says: /mappings with header_name/ },
];
for (const { values, says } of wrong) {
  test(`tenancy settings: refused ${JSON.stringify(values)}`, () => assert.rejects(load(values), says));
}
