import { fileURLToPath } from 'node:url';
import type { MigrationSource } from '@sluice/shared/schema-version.ts';

/** What the ledger's tables are made of; `assertSchema` compares it with the database. */
export const ledgerMigrations: MigrationSource = {
  service: 'ledger',
  dir: fileURLToPath(new URL('../migrations/', import.meta.url)),
};
