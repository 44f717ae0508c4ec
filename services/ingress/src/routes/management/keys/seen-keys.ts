import { administers } from '../../../tenancy/scope.ts';
import type { Scope } from '../../../tenancy/scope.ts';

interface Asked {
  readonly teamId: string | undefined;
  readonly organizationId?: string | undefined;
}

/**
 * Whose keys a list is narrowed to, whatever is asked for: who is no administrator sees their own keys, or those of a
 * team or an organization that they administer.
 */
export function seenKeys(scope: Scope, { teamId, organizationId }: Asked): { readonly userId?: string } {
  if (scope.all) return {};
  if (administers(scope, { teamId: teamId ?? null, organizationId: organizationId ?? null })) return {};
  return { userId: scope.userId ?? '' };
}
