import { noLimits } from './limits.ts';
import type { Team } from './team.ts';

/** A team as it is when nothing is said of it. */
export const newTeam = {
  teamAlias: null,
  organizationId: null,
  ...noLimits,
  models: [],
  modelAliases: {},
  metadata: {},
  blocked: false,
  memberPermissions: null,
  memberBudgetId: null,
  memberKeyDuration: null,
  defaultMemberModels: [],
} as const satisfies Partial<Team>;
