import { nanoUsdToUsd } from '@sluice/shared/money.ts';
import { columnOf } from '../../sql/entity-table.ts';

/** Our words for what LiteLLM names otherwise than in snake case of the same. */
const names: ReadonlyMap<string, string> = new Map([
  ['maxBudgetNanoUsd', 'max_budget'],
  ['softBudgetNanoUsd', 'soft_budget'],
  ['budgetWindows', 'budget_limits'],
  ['requestsPerMinute', 'rpm_limit'],
  ['tokensPerMinute', 'tpm_limit'],
  ['modelBudgets', 'model_max_budget'],
  ['modelRequestsPerMinute', 'model_rpm_limit'],
  ['modelTokensPerMinute', 'model_tpm_limit'],
  ['expiresAt', 'duration'],
  ['tempBudgetIncreaseNanoUsd', 'temp_budget_increase'],
  ['tempBudgetExpiresAt', 'temp_budget_expiry'],
  ['fallbackModels', 'fallback_model'],
  ['memberPermissions', 'team_member_permissions'],
  ['memberKeyDuration', 'team_member_key_duration'],
  ['defaultMemberModels', 'default_team_member_models'],
]);

/** What a property of ours is called in requests. */
export function fieldNameOf(property: string): string {
  return names.get(property) ?? columnOf(property);
}

/** A limit as requests have it: money in USD. */
export function fieldValueOf(property: string, value: number): string {
  return property.endsWith('NanoUsd') ? `${nanoUsdToUsd(value)} USD` : String(value);
}
