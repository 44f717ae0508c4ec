import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CustomerRequest } from '@sluice/shared/api/litellm/customer.ts';
import { KeyGenerateRequest, KeyUpdateRequest } from '@sluice/shared/api/litellm/key.ts';
import { OrganizationNewRequest, OrganizationUpdateRequest } from '@sluice/shared/api/litellm/organization.ts';
import { TeamNewRequest, TeamUpdateRequest } from '@sluice/shared/api/litellm/team.ts';
import { UserNewRequest, UserUpdateRequest, userKeyFields } from '@sluice/shared/api/litellm/user.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { openManagement, type Management } from './open-management.ts';

const resources = new AsyncDisposableStack();
let gateway: Management;

before(async () => {
  gateway = resources.use(await openManagement(resources.use(await openKeysDatabase())));
  await gateway.post('/team/new', { team_id: 'there' });
  await gateway.post('/user/new', { user_id: 'there', auto_create_key: false });
  await gateway.post('/organization/new', { organization_id: 'there', organization_alias: 'There' });
  await gateway.post('/customer/new', { user_id: 'there' });
  await gateway.post('/key/generate', { key: 'sk-there-0123456789' });
});
after(() => resources.disposeAsync());

const words = (text: string) => text.trim().split(/\s+/);

/** Every field that LiteLLM has of each, by litellm-contract.md §2.2, §2.4 and §3.1 to §3.4. */
const ofLimits = 'max_budget soft_budget budget_duration max_parallel_requests tpm_limit rpm_limit model_max_budget';
const ofEverybody = `${ofLimits} budget_limits tpm_limit_type rpm_limit_type model_rpm_limit model_tpm_limit metadata
  models mcp_rpm_limit guardrails policies prompts object_permission router_settings`;
const ofKeys = words(`${ofEverybody} key_alias duration spend budget_id user_id team_id organization_id project_id
  agent_id tag_rpm_limit budget_fallbacks throttle_on_budget_exceeded tags aliases config permissions
  allowed_cache_controls enforced_params allowed_routes allowed_passthrough_routes allowed_vector_store_indexes
  access_group_ids blocked key key_type auto_rotate rotation_interval send_invite_email content_policy fallback_model
  priority temp_budget_increase temp_budget_expiry max_user_budget`);
const ofUsers = words(`${ofKeys.join(' ')} user_email user_alias user_role teams organizations auto_create_key
  sso_user_id`);
const ofTeams = words(`${ofEverybody} team_alias team_id organization_id members_with_roles admins members
  model_aliases blocked tags team_member_permissions team_member_budget team_member_budget_duration
  team_member_rpm_limit team_member_tpm_limit team_member_max_parallel_requests team_member_key_duration
  default_team_member_models access_group_ids allowed_passthrough_routes secret_manager_settings
  allowed_vector_store_indexes enforced_file_expires_after enforced_batch_output_expires_after fallback_model priority
  budget_fallbacks temp_budget_increase temp_budget_expiry throttle_on_budget_exceeded enforced_params aliases
  budget_id spend tag_rpm_limit content_policy`);
const ofOrganizations = words(`${ofLimits} organization_alias organization_id models metadata budget_id allowed_models
  model_rpm_limit model_tpm_limit object_permission`);
const ofCustomers = words(`${ofLimits} user_id alias blocked budget_id budget_reset_at spend allowed_model_region
  default_model object_permission`);

const newMembers = ['members_with_roles', 'admins', 'members'];
const newOfUsers = ['teams', 'organizations', 'auto_create_key'];

/**
 * `obeyed`: what the request is parsed for. `not`: a field that only new ones have. All the rest has to be refused.
 * What asks for how it is anyway (`disable_global_guardrails`) is in no list.
 */
const endpoints = [
  { path: '/key/generate', fields: ofKeys, obeyed: Object.keys(KeyGenerateRequest.shape) },
  {
    path: '/key/update',
    asking: { key: 'sk-there-0123456789' },
    fields: ofKeys,
    obeyed: Object.keys(KeyUpdateRequest.shape),
  },
  { path: '/user/new', fields: ofUsers, obeyed: [...Object.keys(UserNewRequest.shape), ...userKeyFields] },
  {
    path: '/user/update',
    asking: { user_id: 'there' },
    fields: ofUsers.filter((name) => !newOfUsers.includes(name)),
    obeyed: Object.keys(UserUpdateRequest.shape),
  },
  { path: '/team/new', fields: ofTeams, obeyed: Object.keys(TeamNewRequest.shape) },
  {
    path: '/team/update',
    asking: { team_id: 'there' },
    fields: ofTeams.filter((name) => !newMembers.includes(name)),
    obeyed: Object.keys(TeamUpdateRequest.shape),
  },
  {
    path: '/organization/new',
    asking: { organization_alias: 'New' },
    fields: ofOrganizations,
    obeyed: Object.keys(OrganizationNewRequest.shape),
  },
  {
    path: 'PATCH /organization/update',
    asking: { organization_id: 'there' },
    fields: ofOrganizations,
    obeyed: Object.keys(OrganizationUpdateRequest.shape),
  },
  {
    path: '/customer/new',
    asking: { user_id: 'new' },
    fields: ofCustomers,
    obeyed: Object.keys(CustomerRequest.shape),
  },
  {
    path: '/customer/update',
    asking: { user_id: 'there' },
    fields: ofCustomers,
    obeyed: Object.keys(CustomerRequest.shape),
  },
];

/** What asks for something, of fields that have values of their own. */
const asks: Readonly<Record<string, unknown>> = {
  rpm_limit_type: 'guaranteed_throughput',
  tpm_limit_type: 'dynamic',
};

for (const { path, asking = {}, fields, obeyed } of endpoints) {
  for (const name of fields.filter((each) => !obeyed.includes(each))) {
    test(`${path} 400: ${name} is not obeyed, and refused by name`, async () => {
      const { status, body } = await gateway.ask(path, { ...asking, [name]: asks[name] ?? ['x'] });
      assert.equal(status, 400, JSON.stringify(body));
      assert.equal(body.error.param, name);
      assert.match(body.error.message, new RegExp(`'${name}' is not supported yet: \\w+`));
    });
  }
}
