import type { KeyFields } from '@sluice/shared/api/litellm/key.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { maxBudgetUsd, usdToNanoUsd } from '@sluice/shared/money.ts';
import { addDuration, parseDuration, type Duration } from '@sluice/shared/time/duration.ts';
import type { VirtualKeyChanges } from '../../sql/update-virtual-key.ts';

/**
 * What a request sets on a key, in our words. Only what it names is in the result.
 *
 * @param now from when `duration` counts
 * @throws GatewayError invalid_management_request for a value that makes no sense
 */
export function changesOf(fields: KeyFields, now: number): VirtualKeyChanges {
  const { tags = fields.metadata?.tags } = fields;
  if (tags !== undefined && tags !== null && !isTextList(tags)) {
    throw refusal('metadata.tags', 'metadata.tags must be a list of strings.');
  }
  return {
    ...(fields.key_alias !== undefined && { keyAlias: fields.key_alias }),
    ...(fields.duration !== undefined && { expiresAt: expiryOf(fields.duration, now) }),
    ...(isPresent(fields.models) && { models: fields.models }),
    ...(fields.max_budget !== undefined && { maxBudgetNanoUsd: budgetOf(fields.max_budget) }),
    ...(fields.budget_duration !== undefined && { budgetDuration: budgetDurationOf(fields.budget_duration) }),
    ...(fields.rpm_limit !== undefined && { requestsPerMinute: limitOf('rpm_limit', fields.rpm_limit) }),
    ...(fields.tpm_limit !== undefined && { tokensPerMinute: limitOf('tpm_limit', fields.tpm_limit) }),
    ...(fields.max_parallel_requests !== undefined && {
      maxParallelRequests: limitOf('max_parallel_requests', fields.max_parallel_requests),
    }),
    ...(isPresent(fields.metadata) && { metadata: fields.metadata }),
    ...(isPresent(fields.tags) && { tags: fields.tags }),
    ...(fields.user_id !== undefined && { userId: fields.user_id }),
    ...(fields.team_id !== undefined && { teamId: fields.team_id }),
    ...(fields.organization_id !== undefined && { organizationId: fields.organization_id }),
    ...(isPresent(fields.blocked) && { blocked: fields.blocked }),
  };
}

/** The texts are LiteLLM's where it has one: litellm-contract.md §2.9. */
function budgetOf(usd: number | null): number | null {
  if (usd === null) return null;
  if (usd < 0) throw refusal('max_budget', `max_budget cannot be negative. Received: ${usd}`);
  if (usd > maxBudgetUsd) throw refusal('max_budget', `max_budget cannot be above ${maxBudgetUsd}. Received: ${usd}`);
  return usdToNanoUsd(usd);
}

function limitOf(field: string, limit: number | null): number | null {
  if (limit !== null && limit < 0) throw refusal(field, `${field} cannot be negative. Received: ${limit}`);
  return limit;
}

function expiryOf(text: string | null, now: number): number | null {
  const duration = text === '-1' ? null : durationOf('duration', text);
  return duration === null ? null : addDuration(now, duration);
}

function budgetDurationOf(text: string | null): string | null {
  return durationOf('budget_duration', text) === null ? null : text;
}

function durationOf(field: string, text: string | null): Duration | null {
  try {
    return parseDuration(text);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw refusal(field, `${field}: ${cause.message}`);
  }
}

function refusal(param: string, message: string): GatewayError {
  return new GatewayError('invalid_management_request', message, { param });
}

function isPresent<T>(value: T | null | undefined): value is T {
  return value !== undefined && value !== null;
}

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
