import type { KeyFields } from '@sluice/shared/api/litellm/key.ts';
import { addDuration } from '@sluice/shared/time/duration.ts';
import { isRouteEntry } from '../../../auth/allowed-routes.ts';
import type { VirtualKeyChanges } from '../../../sql/update-virtual-key.ts';
import { budgetOf, durationOf, limitChangesOf, refusal } from '../limit-changes.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { requireModels } from '../require-models.ts';

/**
 * What a request sets on a key, in our words. Only what it names is in the result.
 *
 * @param now from when `duration` counts
 * @throws GatewayError invalid_management_request for a value that makes no sense, also a model that nobody knows
 */
export function changesOf(fields: KeyFields, now: number, deps: Pick<ManagementDeps, 'models'>): VirtualKeyChanges {
  const { tags = fields.metadata?.tags } = fields;
  if (tags !== undefined && tags !== null && !isTextList(tags)) {
    throw refusal('metadata.tags', 'metadata.tags must be a list of strings.');
  }
  const fallbackModels = [fields.fallback_model ?? []].flat();
  requireModels('fallback_model', fallbackModels, deps);
  requireModels('budget_fallbacks', Object.entries(fields.budget_fallbacks ?? {}).flat(2), deps);
  return {
    ...limitChangesOf(fields, deps),
    ...given(fields.key_alias, (keyAlias) => ({ keyAlias })),
    ...given(fields.duration, (duration) => ({ expiresAt: expiryOf(duration, now) })),
    ...(isPresent(fields.models) && { models: fields.models }),
    ...given(fields.budget_id, (budgetId) => ({ budgetId })),
    ...given(fields.temp_budget_increase, (usd) => ({
      tempBudgetIncreaseNanoUsd: budgetOf('temp_budget_increase', usd),
    })),
    ...given(fields.temp_budget_expiry, (iso) => ({ tempBudgetExpiresAt: iso === null ? null : Date.parse(iso) })),
    ...given(fields.budget_fallbacks, (models) => ({ budgetFallbacks: models ?? {} })),
    ...given(fields.aliases, (aliases) => ({ aliases: aliases ?? {} })),
    ...given(fields.access_group_ids, (groups) => ({ accessGroupIds: groups ?? [] })),
    ...given(fields.allowed_routes, (routes) => ({ allowedRoutes: routesOf(routes ?? []) })),
    ...(isPresent(fields.key_type) && { keyType: fields.key_type }),
    ...given(fields.permissions, (permissions) => ({ permissions: permissions ?? {} })),
    ...given(fields.enforced_params, (params) => ({ enforcedParams: params ?? [] })),
    ...given(fields.fallback_model, () => ({ fallbackModels })),
    ...given(fields.priority, (priority) => ({ priority })),
    ...(isPresent(fields.metadata) && { metadata: fields.metadata }),
    ...(isPresent(fields.tags) && { tags: fields.tags }),
    ...given(fields.user_id, (userId) => ({ userId })),
    ...given(fields.team_id, (teamId) => ({ teamId })),
    ...given(fields.organization_id, (organizationId) => ({ organizationId })),
    ...(isPresent(fields.blocked) && { blocked: fields.blocked }),
  };
}

/** null says something, to be absent does not. */
function given<T, Changes extends object>(value: T | undefined, to: (value: T) => Changes): Changes | object {
  return value === undefined ? {} : to(value);
}

function expiryOf(text: string | null, now: number): number | null {
  const duration = text === '-1' ? null : durationOf('duration', text);
  return duration === null ? null : addDuration(now, duration);
}

/** A word that names no group would only lock the key out. */
function routesOf(routes: readonly string[]): string[] {
  const wrong = routes.find((route) => !isRouteEntry(route));
  if (wrong === undefined) return [...routes];
  throw refusal('allowed_routes', `allowed_routes: '${wrong}' is neither a path nor the name of a group of routes.`);
}

function isPresent<T>(value: T | null | undefined): value is T {
  return value !== undefined && value !== null;
}

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
