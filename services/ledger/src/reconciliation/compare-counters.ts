import type { Finding } from '@sluice/shared/contracts/reconciliation.ts';
import type { AccountCounters, AdmissionWitness } from '@sluice/shared/ports/admission-witness.ts';
import type { Balance } from '@sluice/shared/ports/admission.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import { setTimeout as pause } from 'node:timers/promises';
import { accountKey, type Account } from '@sluice/shared/contracts/account.ts';
import { readBalances } from '../sql/read-balances.ts';

/** Settlements that are under way when the counters are read have arrived after this. */
const settlingMs = 2_000;
/** Differing accounts that are looked at a second time; more than that are not in doubt. */
const suspectsMax = 10_000;
const shownMax = 100;

/**
 * Holds admission's sums of every account against the books, and those of its reservations against themselves. What
 * differs is read again a little later, since news of bookings is always under way; only what still differs in the
 * same way is reported.
 *
 * @param options.repair makes admission forget what is wrong: its next decision reads the books
 */
export async function compareCounters(
  sql: Sql,
  witness: Pick<AdmissionWitness, 'accountKeys' | 'counters' | 'forget'>,
  options: { repair: boolean; settlingMs?: number },
): Promise<{ compared: number; findings: Finding[] }> {
  const seen = new Set<string>();
  let compared = 0;
  const suspects: AccountCounters[] = [];
  for await (const keys of witness.accountKeys()) {
    const page = keys.filter((key) => !seen.has(key));
    for (const key of page) seen.add(key);
    const differing = await differingOf(sql, await witness.counters(page));
    compared += page.length;
    suspects.push(...differing.slice(0, suspectsMax - suspects.length).map(({ counters }) => counters));
  }
  if (suspects.length === 0) return { compared, findings: [] };

  await pause(options.settlingMs ?? settlingMs);
  const before = new Map(suspects.map((counters) => [counters.accountKey, counters]));
  const again = await differingOf(sql, await witness.counters([...before.keys()]));
  const wrong = again.filter(
    ({ counters, how }) => how !== 'behind' || isSame(counters, before.get(counters.accountKey)),
  );
  const byHow = Map.groupBy(wrong, ({ how }) => how);
  const findings: Finding[] = [];
  for (const [how, accounts] of byHow) {
    const repaired = options.repair ? await forgetAll(witness, accounts) : 0;
    const done = options.repair ? `; ${repaired} repaired` : '';
    findings.push({
      check: 'counters',
      level: 'off',
      message: `${accounts.length} accounts: ${meanings[how]}${done}`,
      items: accounts.slice(0, shownMax).map(({ counters }) => counters.accountKey),
      repaired: options.repair && repaired === accounts.length,
    });
  }
  return { compared, findings };
}

const meanings = {
  differs: 'admission has another settled sum than the books',
  behind: 'admission has not heard of what was booked',
  ahead: 'admission knows of more bookings than there are: the books are from an older state',
  reservations: 'the reserved sums or the parallel requests are not those of the reservations',
} as const;

interface Differing {
  readonly counters: AccountCounters;
  readonly how: keyof typeof meanings;
}

async function differingOf(sql: Sql, counters: readonly AccountCounters[]): Promise<Differing[]> {
  const balances = await readBalances(
    sql,
    counters.map(({ accountKey: key }) => accountOf(key)),
  );
  const byKey = new Map(balances.map((balance) => [accountKey(balance), balance]));
  return counters.flatMap((one): Differing[] => {
    const how = differenceOf(one, byKey.get(one.accountKey));
    return how === null ? [] : [{ counters: one, how }];
  });
}

function differenceOf(counters: AccountCounters, balance: Balance | undefined): Differing['how'] | null {
  const { version = 0, settledNanoUsd = 0, settledTokens = 0 } = balance ?? {};
  if (counters.version > version) return 'ahead';
  if (counters.version < version) return 'behind';
  if (counters.settledNanoUsd !== settledNanoUsd || counters.settledTokens !== settledTokens) return 'differs';
  const { counted } = counters;
  if (counted === null) return null;
  const fits =
    counted.reservedNanoUsd === counters.reservedNanoUsd &&
    counted.reservedTokens === counters.reservedTokens &&
    counted.parallel === counters.parallel;
  return fits ? null : 'reservations';
}

async function forgetAll(witness: Pick<AdmissionWitness, 'forget'>, accounts: readonly Differing[]): Promise<number> {
  let repaired = 0;
  for (const { counters } of accounts) if (await witness.forget(counters)) repaired += 1;
  return repaired;
}

function isSame(one: AccountCounters, other: AccountCounters | undefined): boolean {
  return other !== undefined && one.version === other.version && one.settledNanoUsd === other.settledNanoUsd;
}

/** @param key as `accountKey` makes it */
function accountOf(key: string): Account {
  const at = key.lastIndexOf('@');
  return { id: key.slice(0, at), windowStart: Number(key.slice(at + 1)) };
}
