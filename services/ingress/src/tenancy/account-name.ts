/** How messages and headers name an account; contract §5.2, §6.2. */
export interface AccountName {
  /** In budget messages: `Key=<alias> (sk-...<last4>)`. */
  readonly budget: string;
  /** In rate limit messages and header names: `api_key`, `team`, … */
  readonly descriptor: string;
  /** What follows it in messages; for a key its hash. */
  readonly value: string;
  /** What is booked on it and counts as spent no longer, in its budget too: amounts are told without it. */
  readonly waivedNanoUsd?: number;
  /** What refuses for its budget, where it is not as for a key. Amounts are in USD. */
  readonly overBudget?: (spent: string, max: string) => string;
}

// The texts: litellm-contract.md §5.2. Clients match on them.

export const accountNames = {
  key: (hash: string, alias: string | null, keyName: string | null): AccountName => ({
    budget: `Key=${alias ?? 'None'} (${keyName ?? ''})`,
    descriptor: 'api_key',
    value: hash,
  }),
  keyModel: (hash: string, alias: string | null, model: string): AccountName => ({
    budget: `Key=${alias ?? 'None'} and model=${model}`,
    descriptor: 'model_per_key',
    value: `${hash}:${model}`,
    overBudget: () => `LiteLLM Virtual Key: ${hash}, key_alias: ${alias ?? 'None'}, exceeded budget for model=${model}`,
  }),
  team: (id: string): AccountName => ({ budget: `Team=${id}`, descriptor: 'team', value: id }),
  teamModel: (id: string, model: string): AccountName => ({
    budget: `Team=${id} and model=${model}`,
    descriptor: 'model_per_team',
    value: `${id}:${model}`,
    overBudget: () => `LiteLLM Team: ${id}, exceeded budget for model=${model}`,
  }),
  member: (teamId: string, userId: string): AccountName => ({
    budget: `User=${userId} in Team=${teamId}`,
    descriptor: 'team_member',
    value: `${teamId}:${userId}`,
  }),
  user: (id: string): AccountName => ({
    budget: `User=${id}`,
    descriptor: 'user',
    value: id,
    overBudget: (spent, max) => `ExceededBudget: User=${id} over budget. Spend=${spent}, Budget=${max}`,
  }),
  organization: (id: string): AccountName => ({ budget: `Organization=${id}`, descriptor: 'organization', value: id }),
  organizationModel: (id: string, model: string): AccountName => ({
    budget: `Organization=${id} and model=${model}`,
    descriptor: 'model_per_organization',
    value: `${id}:${model}`,
    overBudget: () => `LiteLLM Organization: ${id}, exceeded budget for model=${model}`,
  }),
  organizationMember: (organizationId: string, userId: string): AccountName => ({
    budget: `User=${userId} in Organization=${organizationId}`,
    descriptor: 'organization_member',
    value: `${organizationId}:${userId}`,
  }),
  customer: (id: string): AccountName => ({
    budget: `End User=${id}`,
    descriptor: 'end_user',
    value: id,
    overBudget: (spent, max) => `ExceededBudget: End User=${id} over budget. Spend=${spent}, Budget=${max}`,
  }),
  customerModel: (id: string, model: string): AccountName => ({
    budget: `End User=${id} and model=${model}`,
    descriptor: 'model_per_end_user',
    value: `${id}:${model}`,
    overBudget: () => `LiteLLM End User: ${id}, exceeded budget for model=${model}`,
  }),
  tag: (name: string): AccountName => ({ budget: `Tag=${name}`, descriptor: 'tag', value: name }),
  tagModel: (name: string, model: string): AccountName => ({
    budget: `Tag=${name} and model=${model}`,
    descriptor: 'model_per_tag',
    value: `${name}:${model}`,
    overBudget: () => `LiteLLM Tag: ${name}, exceeded budget for model=${model}`,
  }),
  proxy: (): AccountName => ({
    budget: 'The proxy',
    descriptor: 'proxy',
    value: 'all',
    overBudget: (spent, max) => `Budget has been exceeded! Current cost: ${spent}, Max budget: ${max}`,
  }),
} as const;

/** The same of a budget in a window of its own beside the main one. */
export function inWindow(name: AccountName, budgetDuration: string): AccountName {
  return {
    ...name,
    overBudget: (spent, max) =>
      `ExceededBudget: ${name.budget} over ${budgetDuration} budget. Spend=$${spent}, Limit=$${max}`,
  };
}
