import type { Operations } from '../operation.ts';

/** What stands at the root and under `/v1`. */
export const rootAndV1 = ['', '/v1'] as const;

/** The same operations with each prefix before their paths: `GET /files` and `GET /v1/files`. */
export function under(prefixes: readonly string[], operations: Operations): Operations {
  return Object.fromEntries(
    Object.entries(operations).flatMap(([route, operation]) =>
      prefixes.map((prefix) => [route.replace(' ', ` ${prefix}`), operation]),
    ),
  );
}
