import type { UsageField, UsageMeasures } from '@sluice/shared/ports/spend-reports.ts';
import type { VirtualKey } from '../../auth/authenticated.ts';
import type { SpendDeps } from './spend-deps.ts';

/** What things are called that sums only have the ids of; the id itself for what has no name, or is no more. */
export interface Called {
  readonly key: (hash: string) => Pick<VirtualKey, 'keyAlias' | 'keyName' | 'teamId' | 'userId' | 'metadata'> | null;
  readonly team: (id: string) => string;
  readonly organization: (id: string) => string;
  readonly user: (id: string) => string;
}

/** A sum by some fields; of those that it has no ids of, nothing is asked. */
type Sum = UsageMeasures & Readonly<Partial<Record<UsageField, string>>>;

/** Asks about everything in the sums at once. */
export async function calledIn(
  { keys, entities }: Pick<SpendDeps, 'keys' | 'entities'>,
  sums: readonly Sum[],
): Promise<Called> {
  const idsOf = (field: UsageField) => idsIn(sums, field);
  const hashes = idsOf('keyHash');
  const [known, teams, organizations, users] = await Promise.all([
    hashes.length === 0 ? new Map<string, VirtualKey>() : keys.findMany(hashes),
    entities.teams(idsOf('teamId')),
    entities.organizations(idsOf('organizationId')),
    entities.users(idsOf('userId')),
  ]);
  return {
    key: (hash) => known.get(hash) ?? null,
    team: (id) => teams.get(id) ?? id,
    organization: (id) => organizations.get(id) ?? id,
    user: (id) => users.get(id) ?? id,
  };
}

function idsIn(sums: readonly Partial<Record<UsageField, string>>[], field: UsageField): readonly string[] {
  const ids = new Set(sums.map((sum) => sum[field] ?? ''));
  ids.delete('');
  return [...ids];
}

/** LiteLLM's word for spend of no team. */
export const unassigned = 'Unassigned';
