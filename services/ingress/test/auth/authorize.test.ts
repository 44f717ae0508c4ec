import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Role } from '../../src/auth/authenticated.ts';
import { authorize } from '../../src/auth/authorize.ts';
import { principalOf, virtualKey } from './virtual-keys.ts';

const all: readonly Role[] = [
  'proxy_admin',
  'proxy_admin_viewer',
  'org_admin',
  'internal_user',
  'internal_user_viewer',
  'key',
];
const reads: readonly Role[] = ['proxy_admin', 'proxy_admin_viewer'];
const makes: readonly Role[] = ['proxy_admin', 'org_admin', 'internal_user'];
const persons = all.filter((role) => role !== 'key');

const cases: readonly { route: string; may: readonly Role[] }[] = [
  { route: '/key/info', may: all },
  { route: '/spend/logs', may: all },
  { route: '/key/list', may: persons },
  { route: '/key/generate', may: makes },
  { route: '/key/update', may: makes },
  { route: '/key/sk-1/regenerate', may: makes },
  { route: '/key/bulk_update', may: ['proxy_admin'] },
  { route: '/key/service-account/generate', may: makes },
  { route: '/key/aliases', may: persons },
  { route: '/key/health', may: all },
  { route: '/v2/key/info', may: reads },
  { route: '/key/sk-1/reset_spend', may: makes },
  { route: '/team/new', may: ['proxy_admin', 'org_admin'] },
  { route: '/team/update', may: makes },
  { route: '/team/member_add', may: makes },
  { route: '/team/info', may: persons },
  { route: '/user/new', may: ['proxy_admin', 'org_admin'] },
  { route: '/user/list', may: ['proxy_admin', 'proxy_admin_viewer', 'org_admin'] },
  { route: '/user/info', may: persons },
  { route: '/organization/new', may: ['proxy_admin'] },
  { route: '/organization/member_add', may: ['proxy_admin', 'org_admin'] },
  { route: '/customer/new', may: ['proxy_admin'] },
  { route: '/end_user/info', may: reads },
  { route: '/budget/list', may: reads },
  { route: '/tag/daily/activity', may: reads },
  { route: '/spend/logs/v2', may: all },
  { route: '/spend/logs/ui', may: all },
  { route: '/spend/calculate', may: all },
  { route: '/cost/estimate', may: all },
  { route: '/spend/keys', may: persons },
  { route: '/spend/users', may: persons },
  { route: '/spend/tags', may: persons },
  { route: '/spend/export', may: persons },
  { route: '/spend/reconciliation', may: reads },
  { route: '/user/daily/activity/aggregated', may: persons },
  { route: '/global/spend', may: reads },
  { route: '/global/spend/keys', may: reads },
  { route: '/global/spend/reset', may: ['proxy_admin'] },
  { route: '/global/activity', may: reads },
  { route: '/global/activity/exceptions/deployment', may: reads },
  { route: '/global/all_end_users', may: reads },
  { route: '/provider/budgets', may: reads },
  { route: '/metrics', may: ['proxy_admin'] },
  { route: '/something/new', may: ['proxy_admin'] },
];

const as = (role: Role, permissions = {}) => {
  const key = virtualKey('sk-role-0123456789', { permissions });
  const caller = { keyHash: key.hash, keyAlias: null, keyName: null, userId: 'u', teamId: null, organizationId: null };
  return { role, key, caller: { ...caller, metadata: {} }, principal: principalOf(key) };
};

for (const { route, may } of cases) {
  test(`authorization: ${route} is for ${may.join(', ')}`, () => {
    for (const role of all) {
      const ask = () => authorize(as(role), route);
      if (may.includes(role)) assert.doesNotThrow(ask, role);
      else {
        const message = `user not allowed to access this route, role=${role}. Route=${route} is an admin only route`;
        assert.throws(ask, { code: 'route_not_allowed', message });
      }
    }
  });
}

test('authorization: a key may be allowed to see spend, and nothing else by that', () => {
  const allowed = as('key', { get_spend_routes: true });
  assert.doesNotThrow(() => authorize(allowed, '/global/spend/keys'));
  assert.throws(() => authorize(allowed, '/key/list'), { code: 'route_not_allowed' });
});
