/** Whoever has a budget, in nano-USD or tokens; all within it spend from it too. A key has calls and nobody within. */
export interface Holder {
  readonly kind: string;
  readonly name: string;
  readonly budget: number;
  readonly within: readonly Holder[];
  readonly calls: readonly NestedCall[];
}

/** A call as it is asked for, and what it will have used. */
export interface NestedCall {
  readonly inputTokensMax: number;
  readonly inputTokens: number;
  readonly outputTokensCap: number;
  /** Were it not cut at a lowered cap. */
  readonly outputTokens: number;
  readonly durationMs: number;
}

export interface NestedShape {
  readonly keys: number;
  readonly callsPerKey: number;
  /** From the keys up, to one that has all: how many of those below each has. */
  readonly levels: readonly { readonly kind: string; readonly of: number }[];
  readonly costOf: CostOf;
}

/** What a call uses of the measure that the budgets are in. */
export type CostOf = (used: { inputTokens: number; outputTokens: number }) => number;

/** How much of what those within it could spend a budget is, percent. Below 100 it binds, else they do. */
const ofDemand = { least: 40, most: 120 };
const ofHolders = { least: 65, most: 115 };
const ofAll = 90;

/** Budgets of which about half of the calls fit into: each level's are what binds somewhere. */
export function nestedBudgets(random: () => number, shape: NestedShape): Holder {
  const { keys, callsPerKey, levels, costOf } = shape;
  const between = (least: number, most: number) => least + Math.floor(random() * (most - least + 1));
  const share = (amount: number, percent: number) => Math.floor((amount * percent) / 100);
  const newCall = (): NestedCall => {
    const inputTokens = between(40, 90);
    const outputTokensCap = between(50, 500);
    return {
      // A token has about four bytes, and the bytes are what is reserved for.
      inputTokensMax: 4 * inputTokens,
      inputTokens,
      outputTokensCap,
      outputTokens: between(Math.ceil(outputTokensCap / 10), outputTokensCap),
      durationMs: between(1, 20),
    };
  };

  let holders = Array.from({ length: keys }, (_unused, n): Holder => {
    const calls = Array.from({ length: callsPerKey }, newCall);
    const budget = share(sumOf(calls, costOf), between(ofDemand.least, ofDemand.most));
    return { kind: 'key', name: `key-${n}`, budget, within: [], calls };
  });
  for (const { kind, of } of levels) {
    holders = Array.from({ length: Math.ceil(holders.length / of) }, (_unused, n): Holder => {
      const within = holders.slice(n * of, (n + 1) * of);
      const percent = within.length === holders.length ? ofAll : between(ofHolders.least, ofHolders.most);
      const budget = share(
        sumOf(within, (one) => one.budget),
        percent,
      );
      return { kind, name: `${kind}-${n}`, budget, within, calls: [] };
    });
  }
  const [all, ...others] = holders;
  if (!all || others.length > 0) throw new Error('the last level has to have all');
  return all;
}

/** The keys, each with all whose budgets its calls are on: its own first. */
export function keysOf(holder: Holder, above: readonly Holder[] = []): { key: Holder; budgets: readonly Holder[] }[] {
  const budgets = [holder, ...above];
  return holder.within.length === 0 ? [{ key: holder, budgets }] : holder.within.flatMap((one) => keysOf(one, budgets));
}

/** All calls, those of different keys taking turns. */
export function callsOf(root: Holder): { call: NestedCall; key: Holder; budgets: readonly Holder[] }[] {
  const all = keysOf(root).flatMap(({ key, budgets }) => key.calls.map((call, turn) => ({ call, turn, key, budgets })));
  return all.toSorted((one, other) => one.turn - other.turn);
}

/** The most of these calls' use that any order of them could bring under the budgets. */
export function fitting({ budget, within, calls }: Holder, costOf: CostOf): number {
  return Math.min(budget, sumOf(calls, costOf) + sumOf(within, (one) => fitting(one, costOf)));
}

function sumOf<T>(all: readonly T[], of: (one: T) => number): number {
  return all.reduce((sum, one) => sum + of(one), 0);
}
