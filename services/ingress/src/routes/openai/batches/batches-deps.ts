import type { BatchSettings } from '@sluice/shared/config/batch-settings.ts';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import type { Authenticate } from '../../../auth/create-authenticate.ts';
import type { Files } from '../../../files/files.ts';

export interface BatchesDeps {
  readonly authenticate: Authenticate;
  readonly sql: SqlPool;
  readonly files: Pick<Files, 'find' | 'requireRoom'>;
  readonly settings: Pick<BatchSettings, 'maxUnfinished'>;
  /** Epoch milliseconds. */
  readonly now: () => number;
}
