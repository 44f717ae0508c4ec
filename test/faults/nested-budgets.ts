/** Who may spend how much, each within the next: keys of teams of one organization. Amounts in nano-USD or tokens. */
export interface NestedBudgets {
  readonly organization: { readonly id: string; readonly budget: number };
  readonly teams: readonly { readonly id: string; readonly budget: number }[];
  readonly keys: readonly { readonly id: string; readonly team: number; readonly budget: number }[];
  readonly calls: readonly NestedCall[];
}

/** A call as it is asked for, and what it will have used. */
export interface NestedCall {
  readonly key: number;
  readonly inputTokensMax: number;
  readonly inputTokens: number;
  readonly outputTokensCap: number;
  /** Were it not cut at a lowered cap. */
  readonly outputTokens: number;
  readonly durationMs: number;
}

export interface NestedShape {
  readonly teams: number;
  readonly keysPerTeam: number;
  readonly calls: number;
  /** What a call uses of the measure that the budgets are in. */
  readonly costOf: (used: { inputTokens: number; outputTokens: number }) => number;
}

/**
 * Budgets of which about half of the calls fit into: in some teams the keys' are what binds, in some the team's, and in
 * the end the organization's.
 */
export function nestedBudgets(random: () => number, { teams, keysPerTeam, calls, costOf }: NestedShape): NestedBudgets {
  const between = (least: number, most: number) => least + Math.floor(random() * (most - least + 1));
  const all = Array.from({ length: calls }, (_unused, index): NestedCall => {
    const inputTokens = between(10, 60);
    const outputTokensCap = between(50, 500);
    return {
      key: index % (teams * keysPerTeam),
      // A token has about four bytes, and the bytes are what is reserved for.
      inputTokensMax: 4 * inputTokens,
      inputTokens,
      outputTokensCap,
      outputTokens: between(Math.ceil(outputTokensCap / 10), outputTokensCap),
      durationMs: between(1, 20),
    };
  });
  const share = (amount: number, percent: number) => Math.floor((amount * percent) / 100);
  const keys = Array.from({ length: teams * keysPerTeam }, (_unused, key) => {
    const demand = all.filter((call) => call.key === key).reduce((sum, call) => sum + costOf(call), 0);
    return { id: `key-${key}`, team: key % teams, budget: share(demand, between(40, 120)) };
  });
  const ofTeams = Array.from({ length: teams }, (_unused, team) => {
    const ofKeys = keys.filter((key) => key.team === team).reduce((sum, { budget }) => sum + budget, 0);
    return { id: `team-${team}`, budget: share(ofKeys, between(60, 110)) };
  });
  const ofAll = ofTeams.reduce((sum, { budget }) => sum + budget, 0);
  return { organization: { id: 'organization', budget: share(ofAll, 90) }, teams: ofTeams, keys, calls: all };
}

/** The most of these calls' use that any order of them could bring under the budgets. */
export function fitting({ organization, teams, keys, calls }: NestedBudgets, costOf: NestedShape['costOf']): number {
  const ofTeam = teams.map((team, index) => {
    const ofKeys = keys.map((key, position) => {
      const asked = calls.filter((call) => call.key === position).reduce((sum, call) => sum + costOf(call), 0);
      return key.team === index ? Math.min(key.budget, asked) : 0;
    });
    return Math.min(
      team.budget,
      ofKeys.reduce((sum, amount) => sum + amount, 0),
    );
  });
  return Math.min(
    organization.budget,
    ofTeam.reduce((sum, amount) => sum + amount, 0),
  );
}
