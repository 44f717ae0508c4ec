/** What an account has two measures of, and may have a budget in each. */
export const measures = ['nanoUsd', 'tokens'] as const;

export type Amounts = Readonly<Record<(typeof measures)[number], number>>;

export const nothing: Amounts = { nanoUsd: 0, tokens: 0 };

export function plus(one: Amounts, other: Amounts): Amounts {
  return { nanoUsd: one.nanoUsd + other.nanoUsd, tokens: one.tokens + other.tokens };
}

export function most(one: Amounts, other: Amounts): Amounts {
  return { nanoUsd: Math.max(one.nanoUsd, other.nanoUsd), tokens: Math.max(one.tokens, other.tokens) };
}

/** What the books say of an account. */
export function settledIn(balance: { settledNanoUsd: number; settledTokens: number } | undefined): Amounts {
  return balance ? { nanoUsd: balance.settledNanoUsd, tokens: balance.settledTokens } : nothing;
}

/** What admission says is reserved on an account. */
export function reservedIn(state: { reservedNanoUsd: number; reservedTokens: number }): Amounts {
  return { nanoUsd: state.reservedNanoUsd, tokens: state.reservedTokens };
}
