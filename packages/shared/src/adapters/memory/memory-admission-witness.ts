import type { CallId } from '../../ids.ts';
import type { AccountCounters, AdmissionWitness } from '../../ports/admission-witness.ts';
import type { Call, Counters } from './admission-decisions.ts';
import type { CallCounts } from './call-counts.ts';

/** What memory-admission.ts lets its witness see and do. */
export interface Witnessed {
  readonly startedAt: number;
  readonly counts: CallCounts;
  readonly accounts: ReadonlyMap<string, Counters>;
  readonly calls: ReadonlyMap<CallId, Call>;
  readonly expire: (call: Call) => void;
}

const pageSize = 500;

/** Reads the counters of memory-admission.ts, in its process; they are at one moment whenever they are read. */
export function createMemoryAdmissionWitness(admission: Witnessed): AdmissionWitness {
  const { startedAt, counts, accounts, calls, expire } = admission;
  return {
    startedAt,
    days: async (days) => counts.days(days),

    openCalls: async () => [...calls.values()].flatMap(({ id, day }) => (day === null ? [] : [{ callId: id, day }])),

    async endBooked(callIds) {
      const ids = new Set<string>(callIds);
      const open = [...calls.values()].filter(({ id }) => ids.has(id));
      for (const call of open) expire(call);
      for (const id of callIds) counts.bookedLate(id);
      return open.length;
    },

    async noteBooked(callIds) {
      for (const id of callIds) counts.bookedLate(id);
    },

    async *accountKeys() {
      const keys = [...accounts.keys()];
      for (let from = 0; from < keys.length; from += pageSize) yield keys.slice(from, from + pageSize);
    },

    counters: async (keys) =>
      keys.flatMap((key) => {
        const account = accounts.get(key);
        return account ? (countersOf(key, account) ?? []) : [];
      }),

    async forget(seen) {
      const account = accounts.get(seen.accountKey);
      const now = account && countersOf(seen.accountKey, account);
      if (!now || sumsOf(now).some((sum, index) => sum !== sumsOf(seen)[index])) return false;
      // Its version too, which may be ahead of the books.
      Object.assign(account, { settledNanoUsd: null, settledTokens: 0, version: 0 }, now.counted);
      return true;
    },
  };
}

function countersOf(accountKey: string, account: Counters): AccountCounters | null {
  const { settledNanoUsd, settledTokens, version, reservedNanoUsd, reservedTokens, parallel } = account;
  if (settledNanoUsd === null) return null;
  const counted = { reservedNanoUsd: 0, reservedTokens: 0, parallel: 0 };
  for (const call of account.calls) {
    counted.reservedNanoUsd += call.nanoUsd;
    counted.reservedTokens += call.tokens;
    counted.parallel += call.holdsSlot ? 1 : 0;
  }
  return { accountKey, settledNanoUsd, settledTokens, version, reservedNanoUsd, reservedTokens, parallel, counted };
}

function sumsOf(counters: AccountCounters): readonly number[] {
  const { settledNanoUsd, settledTokens, version, reservedNanoUsd, reservedTokens, parallel } = counters;
  return [settledNanoUsd, settledTokens, version, reservedNanoUsd, reservedTokens, parallel];
}
