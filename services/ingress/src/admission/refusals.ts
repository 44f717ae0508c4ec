import { GatewayError } from '@sluice/shared/errors.ts';
import type { OverBudget, ReservationResult } from '@sluice/shared/ports/admission.ts';
import type { AccountName } from '../tenancy/account-name.ts';
import { usdText } from '../http/response-headers.ts';

type Refusal<Type extends ReservationResult['type']> = Extract<ReservationResult, { type: Type }>;

export function budgetExceeded(refusal: OverBudget, name: AccountName): GatewayError {
  const { text, rest, needed } = refusal.measure === 'money' ? moneyText(refusal, name) : tokenText(refusal, name);
  const more = rest ? `. This request needs at least ${needed} of what is left` : '';
  return new GatewayError('budget_exceeded', `${text}${more}`);
}

function moneyText(refusal: Extract<OverBudget, { measure: 'money' }>, name: AccountName) {
  const { settledNanoUsd, budgetNanoUsd, neededNanoUsd } = refusal;
  const { waivedNanoUsd = 0 } = name;
  const [spent, max] = [usdText(settledNanoUsd - waivedNanoUsd), usdText(budgetNanoUsd - waivedNanoUsd)];
  const text =
    name.overBudget?.(spent, max) ??
    `Budget has been exceeded! ${name.budget} Current cost: ${spent}, Max budget: ${max}`;
  return { text, rest: settledNanoUsd < budgetNanoUsd, needed: usdText(neededNanoUsd) };
}

function tokenText(refusal: Extract<OverBudget, { measure: 'tokens' }>, name: AccountName) {
  const { settledTokens, tokenBudget, neededTokens } = refusal;
  const text = `Budget has been exceeded! ${name.budget} Current tokens: ${settledTokens}, Max token budget: ${tokenBudget}`;
  return { text, rest: settledTokens < tokenBudget, needed: `${neededTokens} tokens` };
}

/** The budget that is spent is that of one model, for this key or team: another model may still be asked. */
export class ModelBudgetSpent extends GatewayError {
  constructor({ message }: GatewayError) {
    super('budget_exceeded', message);
  }
}

/** The rest of the budget did not come free before the request's deadline. */
export function budgetReserved(name: AccountName): GatewayError {
  const message = `The remaining budget is reserved by running requests. ${name.budget}. Try again when they have ended.`;
  return new GatewayError('rate_limited', message, { retryAfterSeconds: 1 });
}

/**
 * Says when to come back: who waits so long finds a new window. Who asks for more than a whole window has is not told
 * to wait.
 *
 * @param now that of the reservation, which the refusal's times are relative to
 */
export function rateLimited(refusal: Refusal<'rate-limited'>, name: AccountName, now: number): GatewayError {
  const { limitType, limit, remaining, needed } = refusal;
  const resetsAt = utcText(refusal.resetsAt);
  const retryAfterSeconds = Math.max(1, Math.ceil((refusal.resetsAt - now) / 1_000));
  const counted = {
    [`x-ratelimit-${name.descriptor}-limit-${limitType}`]: String(limit),
    [`x-ratelimit-${name.descriptor}-remaining-${limitType}`]: String(remaining),
  };
  // Clients of OpenAI look for these; OpenAI knows no limit on parallel requests.
  const standard =
    limitType === 'max_parallel_requests'
      ? {}
      : {
          [`x-ratelimit-limit-${limitType}`]: String(limit),
          [`x-ratelimit-remaining-${limitType}`]: String(remaining),
          [`x-ratelimit-reset-${limitType}`]: `${retryAfterSeconds}s`,
        };
  const message =
    `Rate limit exceeded for ${name.descriptor}: ${name.value}. Limit type: ${limitType}. ` +
    `Current limit: ${limit}, Remaining: ${remaining}. Limit resets at: ${resetsAt}`;
  const fits = needed <= limit;
  const tooLarge = `. This request counts for ${needed}, more than the whole limit: it would be refused again`;
  return new GatewayError('rate_limited', fits ? message : message + tooLarge, {
    ...(fits && { retryAfterSeconds }),
    headers: {
      ...(!fits && { 'x-should-retry': 'false' }),
      rate_limit_type: headerTypes[limitType],
      reset_at: resetsAt,
      ...counted,
      ...standard,
    },
  });
}

/** What LiteLLM's header calls the limits. */
const headerTypes = {
  requests: 'requests',
  tokens: 'tokens',
  max_parallel_requests: 'concurrent_requests',
} as const;

/** `YYYY-MM-DD HH:MM:SS UTC`, the second that has begun by then or the next: never too early. */
function utcText(at: number): string {
  const iso = new Date(Math.ceil(at / 1_000) * 1_000).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}
