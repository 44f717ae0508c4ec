import type { TenancySettings } from '@sluice/shared/config/tenancy-config.ts';
import { newUser } from './new-user.ts';
import type { User } from './user.ts';

/** The user that the master key stands for, and the one whose spend is that of the whole proxy; contract §3.2. */
export const operatorId = 'default_user_id';
export const proxyBudgetId = 'litellm-proxy-budget';

/** Those who are always there, and have no row. */
export function specialUser(userId: string, proxyBudget: TenancySettings['proxyBudget']): User | null {
  switch (userId) {
    case operatorId:
      return { ...nobody, userId, userRole: 'proxy_admin' };
    case proxyBudgetId:
      return { ...nobody, userId, ...proxyBudget };
    default:
      return null;
  }
}

/** The id of the account that a user's spend is booked on. */
export function accountIdOf(userId: string): string {
  return userId === proxyBudgetId ? 'proxy:all' : `user:${userId}`;
}

/** As the proxy's budget counts its windows: from the beginning of time. */
const nobody = {
  ...newUser,
  userRole: null,
  createdAt: 0,
  createdBy: null,
  updatedAt: 0,
  updatedBy: null,
} as const satisfies Partial<User>;
