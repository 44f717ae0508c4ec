import { noLimits } from './limits.ts';
import type { VirtualKey } from './virtual-key.ts';

/** A key as it is when nothing is said of it. */
export const newVirtualKey = {
  ...noLimits,
  firstHash: null,
  keyAlias: null,
  models: [],
  budgetId: null,
  tempBudgetIncreaseNanoUsd: null,
  tempBudgetExpiresAt: null,
  budgetFallbacks: {},
  aliases: {},
  accessGroupIds: [],
  allowedRoutes: [],
  keyType: 'default',
  permissions: {},
  enforcedParams: [],
  fallbackModels: [],
  priority: null,
  metadata: {},
  userId: null,
  teamId: null,
  organizationId: null,
  blocked: false,
  vouched: false,
  expiresAt: null,
  waivedNanoUsd: 0,
  waivedWindowStart: 0,
} as const satisfies Partial<VirtualKey>;
