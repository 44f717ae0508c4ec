import { fileURLToPath } from 'node:url';
import type { MigrationSource } from '@sluice/shared/schema-version.ts';

/** The ingress's own tables: keys, and request bodies of the embedded mode. */
export const ingressMigrations: MigrationSource = {
  service: 'ingress',
  dir: fileURLToPath(new URL('../migrations/', import.meta.url)),
};
