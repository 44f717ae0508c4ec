import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { openManagement, type Management } from './open-management.ts';

const resources = new AsyncDisposableStack();
let gateway: Management;

before(async () => {
  gateway = resources.use(await openManagement(resources.use(await openKeysDatabase())));
  await gateway.ok('/team/new', { team_id: 'there', members_with_roles: [{ role: 'user', user_id: 'ann' }] });
  await gateway.ok('/organization/new', { organization_id: 'there', organization_alias: 'There' });
  for (const kind of ['customer', 'user']) await gateway.ok(`/${kind}/new`, { user_id: 'there' });
  await gateway.ok('/tag/new', { name: 'there' });
  await gateway.ok('/budget/new', { budget_id: 'there' });
  await gateway.ok('/key/generate', { key: 'sk-there-0123456789' });
});
after(() => resources.disposeAsync());

/** Every endpoint that takes limits for single models, and those that it takes. */
const ofBudgets = ['model_max_budget', 'model_rpm_limit', 'model_tpm_limit'];
const endpoints: readonly { path: string; asking: () => object; fields?: readonly string[] }[] = [
  { path: '/key/generate', asking: () => ({}) },
  { path: '/key/update', asking: () => ({ key: 'sk-there-0123456789' }) },
  { path: '/key/service-account/generate', asking: () => ({ team_id: 'there', key_alias: next() }) },
  { path: '/team/new', asking: () => ({}) },
  { path: '/team/update', asking: () => ({ team_id: 'there' }) },
  {
    path: '/team/member_update',
    asking: () => ({ team_id: 'there', user_id: 'ann' }),
    fields: ['model_rpm_limit', 'model_tpm_limit'],
  },
  { path: '/user/new', asking: () => ({}) },
  { path: '/user/update', asking: () => ({ user_id: 'there' }) },
  { path: '/organization/new', asking: () => ({ organization_alias: next() }) },
  { path: 'PATCH /organization/update', asking: () => ({ organization_id: 'there' }) },
  { path: '/customer/new', asking: () => ({ user_id: next() }) },
  { path: '/customer/update', asking: () => ({ user_id: 'there' }) },
  { path: '/tag/new', asking: () => ({ name: next() }) },
  { path: '/tag/update', asking: () => ({ name: 'there' }) },
  { path: '/budget/new', asking: () => ({}) },
  { path: '/budget/update', asking: () => ({ budget_id: 'there' }) },
];
let made = 0;
const next = () => `name-${(made += 1)}`;
const limitOf = (field: string, name: string) => ({
  [field]: { [name]: field === 'model_max_budget' ? { max_budget: 1, budget_duration: '1d' } : 1 },
});

for (const { path, asking, fields = ofBudgets } of endpoints) {
  test(`${path} 400 for limits of a model that nobody knows, and 200 for what can be limited`, async () => {
    for (const field of fields) {
      for (const [name, says] of [
        ['lama', / lama here.*Did you mean llama\?$/],
        ['premium!', /Did you mean premium\?$/],
        ['gpt-9', /See `\/v1\/models`\.$/],
        ['oci/*', /nothing would be limited/],
        ['__proto__x', /nothing would be limited/],
      ] as const) {
        const { status, body } = await gateway.ask(path, { ...asking(), ...limitOf(field, name) });
        assert.equal(status, 400, `${field} ${name}`);
        assert.equal(body.error.param, `${field}.${name}`);
        assert.match(body.error.message, says);
      }
      for (const name of ['llama', 'premium', 'lab/anything', 'lab/*', 'lab/x*', '*', 'g*k']) {
        await gateway.ok(path, { ...asking(), ...limitOf(field, name) });
      }
    }
  });
}
