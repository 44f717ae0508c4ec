import { noLimits } from './limits.ts';
import type { User } from './user.ts';

/** A user as it is when nothing is said of it. */
export const newUser = {
  userAlias: null,
  userEmail: null,
  userRole: 'internal_user',
  ssoUserId: null,
  ...noLimits,
  models: [],
  metadata: {},
} as const satisfies Partial<User>;
