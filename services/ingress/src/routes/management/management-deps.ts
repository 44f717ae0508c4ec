import type { KeyHash } from '@sluice/shared/ids.ts';
import type { SpendReports } from '@sluice/shared/ports/spend-reports.ts';
import type { Authenticate } from '../../auth/create-authenticate.ts';
import type { VirtualKeys } from '../../sql/virtual-keys.ts';

/** What the endpoints for keys are made of. */
export interface ManagementDeps {
  readonly authenticate: Authenticate;
  readonly keys: VirtualKeys;
  readonly reports: Pick<SpendReports, 'balancesOf'>;
  readonly now: () => number;
  readonly newKey: () => string;
  /** Called when a key has changed, so that this process sees it at once. */
  readonly invalidate: (hash: KeyHash) => void;
}
