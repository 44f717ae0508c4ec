import { fileURLToPath } from 'node:url';
import type { MigrationSource } from './schema-version.ts';

/** What each service's tables are made of: `migrate` applies it, `assertSchema` compares it with the database. */
export const schemas = {
  ingress: schemaOf('ingress'),
  /** Also for those who only read the ledger's published views. */
  ledger: schemaOf('ledger'),
} as const;

function schemaOf(service: string): MigrationSource {
  return { service, dir: fileURLToPath(new URL(`../../../services/${service}/migrations/`, import.meta.url)) };
}
