import { userKeyFields } from '@sluice/shared/api/litellm/user.ts';
import type { UserFields } from '@sluice/shared/api/litellm/user.ts';
import type { History } from '../../../tenancy/history.ts';
import type { User } from '../../../tenancy/user.ts';
import { limitChangesOf, refusal } from '../limit-changes.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { refuseUnsupportedOf, unsupportedOfKeys } from '../unsupported-fields.ts';

/** What an operator may set on a user; a property that is not there leaves the user as they are. */
export type UserChanges = Partial<Omit<User, 'userId' | keyof History>>;

/**
 * What a request sets on a user, in our words. Only what it names is in the result.
 *
 * @throws GatewayError invalid_management_request for a value that makes no sense
 */
export function userChangesOf(fields: UserFields, deps: Pick<ManagementDeps, 'models'>): UserChanges {
  return {
    ...limitChangesOf(fields, deps),
    ...(fields.user_email !== undefined && { userEmail: fields.user_email }),
    ...(fields.user_alias !== undefined && { userAlias: fields.user_alias }),
    ...(fields.user_role != null && { userRole: fields.user_role }),
    ...(fields.sso_user_id !== undefined && { ssoUserId: fields.sso_user_id }),
    ...(fields.models != null && { models: fields.models }),
    ...(fields.metadata != null && { metadata: fields.metadata }),
  };
}

/** @throws GatewayError invalid_management_request for what a user has in LiteLLM, and nothing here obeys */
export function refuseUnsupportedOfUser(body: unknown, isNew: boolean): void {
  refuseUnsupportedOf(body, isNew ? unsupportedOfUsers : unsupportedOfKnownUsers, { isNew });
}

/** @throws GatewayError invalid_management_request for the ids of what is no user */
export function refuseReserved(userId: string | null | undefined): void {
  if (userId == null || !Object.hasOwn(reserved, userId)) return;
  throw refusal('user_id', `'${userId}' is ${reserved[userId]}.`);
}

const reserved: Readonly<Record<string, string>> = {
  default_user_id: 'the operator, whom nothing limits',
  'litellm-proxy-budget': 'the spend of the whole proxy; its budget is litellm_settings.max_budget',
};

const ofTheirBudget = 'their budget is max_budget, which can be raised and lowered';

const unsupportedOfUsers: Readonly<Record<string, string>> = {
  allowed_cache_controls: 'which cache controls are sent is not checked',
  budget_id: 'a user has their limits themselves',
  key: 'their key is made here; POST /key/generate takes a chosen one',
  organization_id: 'use organizations, or POST /organization/member_add',
  password: 'nobody logs in with a password',
  prompts: 'no prompt would be found there',
  team_id: 'use teams, or POST /team/member_add',
  temp_budget_expiry: ofTheirBudget,
  temp_budget_increase: ofTheirBudget,
};

/** Who is there already has keys, of which each is changed for itself. */
const unsupportedOfKnownUsers: Readonly<Record<string, string>> = {
  ...unsupportedOfKeys,
  ...Object.fromEntries(userKeyFields.map((name) => [name, 'it is said of a key, see POST /key/update'])),
  ...unsupportedOfUsers,
};
