import type { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';
import { accountKey, type Account } from '@sluice/shared/contracts/account.ts';
import { usageCostNanoUsd } from '@sluice/shared/prices/usage-cost.ts';
import { usageTokens } from '@sluice/shared/prices/usage-tokens.ts';

/**
 * A usage event as a row of `ledger.spend_rows`, by column name.
 *
 * @throws RangeError when the event has no exact cost or no possible time
 */
export function spendRowOf(event: UsageEvent) {
  const { usage, price, caller, origin, error } = event;
  const accounts = distinct(event.accounts);
  return {
    call_id: event.callId,
    request_id: event.requestId,
    call_type: event.callType,
    outcome: event.outcome,
    counted_by: event.countedBy,
    estimated: isEstimated(event),
    input_tokens: usage.inputTokens,
    output_tokens: usage.outputTokens,
    cached_input_tokens: usage.cachedInputTokens,
    reasoning_tokens: usage.reasoningTokens,
    input_characters: event.inputCharacters,
    output_characters: event.outputCharacters,
    input_nano_usd_per_million: price?.inputNanoUsdPerMillion,
    output_nano_usd_per_million: price?.outputNanoUsdPerMillion,
    cached_input_nano_usd_per_million: price?.cachedInputNanoUsdPerMillion,
    search_units: usage.searchUnits,
    search_nano_usd: price?.searchNanoUsd,
    reasoning_nano_usd_per_million: price?.reasoningNanoUsdPerMillion,
    price_source: event.priceSource,
    cost_ceiling_nano_usd: event.costCeilingNanoUsd,
    cost_nano_usd: usageCostNanoUsd(event),
    settled_tokens: usageTokens(event),
    account_ids: accounts.map(({ id }) => id),
    window_starts: accounts.map(({ windowStart }) => windowStart),
    key_hash: caller.keyHash,
    key_alias: caller.keyAlias,
    key_name: caller.keyName,
    user_id: caller.userId,
    team_id: caller.teamId,
    organization_id: caller.organizationId,
    team_alias: caller.teamAlias,
    user_email: caller.userEmail,
    cache_hit: event.cache?.hit ?? false,
    cache_key: event.cache?.key,
    key_metadata: caller.metadata,
    litellm_call_id: origin.litellmCallId,
    ip_address: origin.ipAddress,
    end_user: origin.endUser,
    session_id: origin.sessionId,
    tags: origin.tags,
    request_metadata: origin.metadata,
    alias: event.alias,
    answered_by: event.answeredBy,
    model: event.model,
    deployment_id: event.deploymentId,
    provider: event.provider,
    api_base: event.apiBase,
    provider_request_id: event.providerRequestId,
    streamed: event.streamed,
    attempt: event.attempt,
    retries: event.retries,
    error_code: error?.code,
    error_status: error?.status,
    error_message: error?.message,
    admitted_at: timestamp(event.admittedAt),
    started_at: timestamp(event.startedAt),
    first_token_at: event.firstTokenAt === null ? null : timestamp(event.firstTokenAt),
    ended_at: timestamp(event.endedAt),
  };
}

/** A cut call is never sure: the provider may have gone on after the last count that we saw. */
function isEstimated({ outcome, countedBy, costCeilingNanoUsd }: UsageEvent): boolean {
  if (outcome === 'failed') return false; // nothing was billed, and that is sure
  return outcome === 'cut' || countedBy === 'gateway' || costCeilingNanoUsd !== null;
}

/** An account that an event names twice is still charged once. */
function distinct(accounts: readonly Account[]): Account[] {
  return accounts.length < 2 ? [...accounts] : [...new Map(accounts.map((one) => [accountKey(one), one])).values()];
}

function timestamp(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
