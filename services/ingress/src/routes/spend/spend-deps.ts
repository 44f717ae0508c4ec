import type { SpendReports } from '@sluice/shared/ports/spend-reports.ts';
import type { Authenticate } from '../../auth/create-authenticate.ts';
import type { VirtualKeys } from '../../sql/virtual-keys.ts';

/** What the endpoints for spend are made of. */
export interface SpendDeps {
  readonly authenticate: Authenticate;
  readonly keys: Pick<VirtualKeys, 'findMany'>;
  readonly reports: Pick<SpendReports, 'rows' | 'daily' | 'byKey' | 'byModel' | 'reconciliations'>;
  readonly now: () => number;
}
