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

/** The name of something that may have limits for single models. */
export interface HolderName extends AccountName {
  /** In messages about one of its models: `Team: <id>`. */
  readonly holder: string;
}

// The texts: litellm-contract.md §5.2. Clients match on them.

export const accountNames = {
  key: (hash: string, alias: string | null, keyName: string | null): HolderName => ({
    budget: `Key=${alias ?? 'None'} (${keyName ?? ''})`,
    descriptor: 'api_key',
    value: hash,
    holder: `Virtual Key: ${hash}, key_alias: ${alias ?? 'None'}`,
  }),
  team: (id: string): HolderName => ({
    budget: `Team=${id}`,
    descriptor: 'team',
    value: id,
    holder: `Team: ${id}`,
  }),
  member: (teamId: string, userId: string): HolderName => ({
    budget: `User=${userId} in Team=${teamId}`,
    descriptor: 'team_member',
    value: `${teamId}:${userId}`,
    holder: `User: ${userId} in Team: ${teamId}`,
  }),
  user: (id: string): HolderName => ({
    budget: `User=${id}`,
    descriptor: 'user',
    value: id,
    holder: `User: ${id}`,
    overBudget: (spent, max) => `ExceededBudget: User=${id} over budget. Spend=${spent}, Budget=${max}`,
  }),
  organization: (id: string): HolderName => ({
    budget: `Organization=${id}`,
    descriptor: 'organization',
    value: id,
    holder: `Organization: ${id}`,
  }),
  organizationMember: (organizationId: string, userId: string): HolderName => ({
    budget: `User=${userId} in Organization=${organizationId}`,
    descriptor: 'organization_member',
    value: `${organizationId}:${userId}`,
    holder: `User: ${userId} in Organization: ${organizationId}`,
  }),
  customer: (id: string): HolderName => ({
    budget: `End User=${id}`,
    descriptor: 'end_user',
    value: id,
    holder: `End User: ${id}`,
    overBudget: (spent, max) => `ExceededBudget: End User=${id} over budget. Spend=${spent}, Budget=${max}`,
  }),
  tag: (name: string): HolderName => ({
    budget: `Tag=${name}`,
    descriptor: 'tag',
    value: name,
    holder: `Tag: ${name}`,
  }),
  proxy: (): AccountName => ({
    budget: 'The proxy',
    descriptor: 'proxy',
    value: 'all',
    overBudget: (spent, max) => `Budget has been exceeded! Current cost: ${spent}, Max budget: ${max}`,
  }),
} as const;

/** What a holder has set aside for one model. */
export function ofModel({ budget, descriptor, value, holder }: HolderName, model: string): AccountName {
  return {
    budget: `${budget} and model=${model}`,
    descriptor: `model_per_${descriptor === 'api_key' ? 'key' : descriptor}`,
    value: `${value}:${model}`,
    overBudget: () => `LiteLLM ${holder}, exceeded budget for model=${model}`,
  };
}

/** The same of a budget in a window of its own beside the main one. */
export function inWindow(name: AccountName, budgetDuration: string): AccountName {
  return {
    ...name,
    overBudget: (spent, max) =>
      `ExceededBudget: ${name.budget} over ${budgetDuration} budget. Spend=$${spent}, Limit=$${max}`,
  };
}
