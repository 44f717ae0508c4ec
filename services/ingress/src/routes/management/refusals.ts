import { GatewayError } from '@sluice/shared/errors.ts';
import { maskKey } from '../../auth/mask-key.ts';

// What several of the endpoints answer; the texts are LiteLLM's (litellm-contract.md §2.3, §2.9).

export function keyNotFound(): GatewayError {
  return new GatewayError('not_found', 'Key not found in database', { param: 'key' });
}

export function aliasTaken(keyAlias: string | null | undefined): GatewayError {
  return new GatewayError(
    'invalid_management_request',
    `Key with alias '${keyAlias}' already exists. Unique key aliases across all keys are required.`,
    { param: 'key_alias' },
  );
}

export function keyTaken(rawKey: string): GatewayError {
  return new GatewayError('invalid_management_request', `Key ${maskKey(rawKey)} already exists.`, { param: 'key' });
}

export function budgetNotFound(budgetId: string | null | undefined): GatewayError {
  return new GatewayError('not_found', `Budget not found, budget_id=${budgetId}.`, { param: 'budget_id' });
}

export function budgetTaken(budgetId: string): GatewayError {
  return new GatewayError('already_exists', `Budget with id ${budgetId} already exists.`, { param: 'budget_id' });
}

/** @param users whatever else refers to it: `1 key (a), 2 teams (b, c)` */
export function budgetInUse(budgetId: string, users: string): GatewayError {
  return new GatewayError('in_use', `Budget ${budgetId} is in use by ${users}. Give them other limits first.`, {
    param: 'budget_id',
  });
}

export function teamNotFound(teamId: string): GatewayError {
  return new GatewayError('not_found', `Team not found, passed team id: ${teamId}.`, { param: 'team_id' });
}

export function organizationNotFound(organizationId: string | null | undefined): GatewayError {
  return new GatewayError('not_found', `Organization not found, passed organization id: ${organizationId}.`, {
    param: 'organization_id',
  });
}

export function organizationTaken(organizationId: string): GatewayError {
  return new GatewayError('already_exists', `Organization with id ${organizationId} already exists.`, {
    param: 'organization_id',
  });
}

/** @param users what belongs to it: `2 teams (b, c)` */
export function organizationInUse(organizationId: string, users: string): GatewayError {
  return new GatewayError(
    'in_use',
    `Organization ${organizationId} still has ${users}. Move them elsewhere or delete them first.`,
    { param: 'organization_ids' },
  );
}

export function customerNotFound(id: string, param = 'user_id'): GatewayError {
  return new GatewayError('not_found', `End User Id=${id} does not exist in db`, { param });
}

export function tagNotFound(names: readonly string[], param = 'name'): GatewayError {
  return new GatewayError('not_found', `Tags not found: ${names.join(', ')}`, { param });
}

export function userNotFound(name: string): GatewayError {
  return new GatewayError('not_found', `User not found, passed user: ${name}.`, { param: 'user_id' });
}

export function memberNotFound(name: string, teamId: string): GatewayError {
  return new GatewayError('not_found', `User not found in team. User=${name}, Team=${teamId}.`, { param: 'user_id' });
}

export function organizationMemberNotFound(name: string, organizationId: string): GatewayError {
  return new GatewayError(
    'not_found',
    `User not found in organization. User=${name}, Organization=${organizationId}.`,
    { param: 'user_id' },
  );
}
