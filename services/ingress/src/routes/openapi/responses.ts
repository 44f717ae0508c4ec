import { errorCatalog, type ErrorCode } from '@sluice/shared/errors.ts';
import type { Operation, OperationKind } from './operation.ts';
import { refTo } from './schemas.ts';

/** What may go wrong with any request that has a key; the last two are ours. */
const ofKeys: readonly ErrorCode[] = [
  ...(['key_missing', 'key_malformed', 'key_unknown', 'key_expired', 'key_blocked', 'team_blocked'] as const),
  ...(['ip_not_allowed', 'too_many_wrong_keys', 'route_not_allowed', 'dependency_unavailable', 'internal'] as const),
];

/** What has a body changes something, unless it says otherwise. */
function ofBodies({ changesNothing = false }: Operation): readonly ErrorCode[] {
  return ['malformed_body', 'body_too_large', ...(changesNothing ? [] : (['outcome_unknown'] as const))];
}

const notOfInference: ReadonlySet<string> = new Set<ErrorCode>([
  ...(['invalid_management_request', 'not_found', 'already_exists', 'already_member'] as const),
  ...([
    'metrics_refused',
    'unknown_route',
    'method_not_allowed',
    'range_not_satisfiable',
    'batch_over',
    'too_many_batches',
    'outcome_unknown',
  ] as const),
]);

const everyCode = Object.keys(errorCatalog).filter((code): code is ErrorCode => Object.hasOwn(errorCatalog, code));

const byKind: Readonly<Record<OperationKind, (operation: Operation) => readonly ErrorCode[]>> = {
  inference: () => everyCode.filter((code) => !notOfInference.has(code)),
  batch: (operation) => [
    ...ofKeys,
    ...(operation.body || operation.form ? ofBodies(operation) : []),
    ...(operation.body || operation.form || operation.query ? (['invalid_request'] as const) : []),
  ],
  management: (operation) => [
    ...ofKeys,
    ...(operation.body ? ofBodies(operation) : []),
    ...(operation.body || parameters(operation).includes('start_date')
      ? (['invalid_management_request'] as const) // of dates: missing, or the end before the start
      : []),
  ],
  metrics: () => ['ip_not_allowed', 'metrics_refused', 'too_many_wrong_keys', 'internal'],
  public: () => [],
};

/** The statuses of a route's errors, ascending. */
export function errorStatuses(kind: OperationKind, operation: Operation): number[] {
  const codes = [...byKind[kind](operation), ...(operation.errors ?? [])];
  const statuses = codes.map((code) => errorCatalog[code].status as number);
  if (kind === 'management' && (operation.body || parameters(operation).length > 0)) statuses.push(wrongTypes);
  return [...new Set(statuses)].toSorted((a, b) => a - b);
}

function parameters({ query = [] }: Operation): string[] {
  return query.flatMap((schema) => Object.keys(schema.shape));
}

const wrongTypes = 422;

/** One answer for each status that there is, with the codes that have it. */
export function errorResponses(): Record<string, object> {
  const byStatus = Map.groupBy(everyCode, (code) => errorCatalog[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => {
      const names: string[] = status === wrongTypes ? ['ErrorBody', 'ValidationErrorBody'] : ['ErrorBody'];
      const schemas = names.map((name) => ({ $ref: refTo(name) }));
      return [
        nameOf(status),
        {
          description: `One of: ${codes.map((code) => `\`${code}\``).join(', ')}${status === wrongTypes ? '; or fields of wrong types' : ''}. docs/errors.md explains each.`,
          ...(codes.some((code) => errorCatalog[code].retryable) && { headers: retryAfter }),
          content: { 'application/json': { schema: schemas.length === 1 ? schemas[0] : { anyOf: schemas } } },
        },
      ];
    }),
  );
}

const retryAfter = {
  'retry-after': { description: 'Seconds after which a try makes sense.', schema: { type: 'integer', minimum: 0 } },
};

export function errorResponseRef(status: number): { $ref: string } {
  return { $ref: `#/components/responses/${nameOf(status)}` };
}

function nameOf(status: number): string {
  return `Error${status}`;
}
