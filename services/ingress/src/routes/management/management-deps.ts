import type { KeyHash } from '@sluice/shared/ids.ts';
import type { SpendReports } from '@sluice/shared/ports/spend-reports.ts';
import type { Changes } from '../../audit/changes.ts';
import type { Authenticate } from '../../auth/create-authenticate.ts';
import type { Names } from '../../models/named-models.ts';
import type { Tenancy } from '../../sql/tenancy-tables.ts';
import type { createScopeOf } from '../../tenancy/scope.ts';
import type { WindowRules } from '../../tenancy/windows.ts';
import type { KeySettings, TenancySettings, UserSettings } from '@sluice/shared/config/tenancy-config.ts';
import type { VirtualKeys } from '../../sql/virtual-keys.ts';

/** What the endpoints for keys, teams and users are made of. */
export interface ManagementDeps {
  readonly authenticate: Authenticate;
  /** To read; what changes a key goes through `changes`. */
  readonly keys: Pick<VirtualKeys, 'find' | 'findMany' | 'findByAlias' | 'list' | 'aliases' | 'countOfUsers'>;
  readonly changes: Changes;
  /** To read, like `keys`. */
  readonly tenancy: Tenancy;
  readonly scopeOf: ReturnType<typeof createScopeOf>;
  /** How the windows of budgets are counted. */
  readonly windows: WindowRules;
  readonly keySettings: KeySettings;
  readonly userSettings: UserSettings;
  /** Shown as the limits of the user `litellm-proxy-budget`. */
  readonly proxyBudget: TenancySettings['proxyBudget'];
  /** Of customers without one of their own; null: none. */
  readonly defaultCustomerBudgetId: string | null;
  /** What models there are. */
  readonly models: Names;
  readonly reports: Pick<SpendReports, 'balancesOf' | 'names' | 'usage'>;
  readonly now: () => number;
  readonly newKey: () => string;
  /** Called when a key has changed, so that this process sees it at once. */
  readonly invalidate: (hash: KeyHash) => void;
  /** Called when something that keys belong to, a customer or a tag has changed: the same. */
  readonly invalidateTenancy: () => void;
  /** The id of a team, user or budget that is given none. */
  readonly newId: () => string;
}
