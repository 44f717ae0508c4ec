import type { Budget } from '../../src/tenancy/budget.ts';
import { noLimits } from '../../src/tenancy/limits.ts';
import { newTeam } from '../../src/tenancy/new-team.ts';
import { newUser } from '../../src/tenancy/new-user.ts';
import type { Organization } from '../../src/tenancy/organization.ts';
import type { Tag } from '../../src/tenancy/tag.ts';
import type { Member, Team } from '../../src/tenancy/team.ts';
import type { User } from '../../src/tenancy/user.ts';

export const madeAt = Date.parse('2027-01-14T15:00:00.500Z');
const history = { createdAt: madeAt, createdBy: 'root', updatedAt: madeAt, updatedBy: 'root' } as const;

// Things without limits and without a list, but for what a test says.

export function budget(budgetId: string, set: Partial<Budget> = {}): Budget {
  return { budgetId, ...noLimits, models: [], ...history, ...set };
}

export function team(teamId: string, set: Partial<Team> = {}): Team {
  return { teamId, ...newTeam, ...history, ...set };
}

export function member(teamId: string, userId: string, set: Partial<Member> = {}): Member {
  return { teamId, userId, role: 'user', userEmail: null, budgetId: null, models: [], createdAt: madeAt, ...set };
}

export function user(userId: string, set: Partial<User> = {}): User {
  return { userId, ...newUser, ...history, ...set };
}

export function organization(organizationId: string, set: Partial<Organization> = {}): Organization {
  return { organizationId, organizationAlias: null, budgetId: null, models: [], metadata: {}, ...history, ...set };
}

export function tag(name: string, set: Partial<Tag> = {}): Tag {
  return { name, description: null, models: [], budgetId: null, ...history, ...set };
}
