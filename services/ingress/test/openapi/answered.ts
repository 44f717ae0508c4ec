import { appendFileSync, readFileSync } from 'node:fs';
import { errorStatuses } from '../../src/routes/openapi/responses.ts';
import { operationOf, operations } from './operations.ts';

/** A file that all processes of a run write to: which answers its tests have got. */
export const answersVariable = 'SLUICE_TEST_ANSWERS';

/** Notes an answer, where a run asks for that. Of what is no route nothing is noted. */
export function noteAnswer(asked: { readonly method: string; readonly path: string }, status: number): void {
  const file = process.env[answersVariable];
  const route = file === undefined ? undefined : operationOf(asked)?.route;
  if (file !== undefined && route !== undefined) appendFileSync(file, `${route} ${status}\n`);
}

/**
 * What the document says of management routes and no test has got, as `GET /key/list 400`. A route that is one and the
 * same operation as another one counts as that.
 */
export function unanswered(file: string): string[] {
  const noted = new Set(readFileSync(file, 'utf8').split('\n'));
  const managed = operations.filter(({ kind }) => kind === 'management');
  const places = Map.groupBy(managed, ({ operation }) => operation);
  return managed.flatMap(({ route, kind, operation }) => {
    const same = places.get(operation) ?? [];
    const statuses = [...(operation.answer ? [200] : []), ...errorStatuses(kind, operation)];
    return statuses
      .filter((status) => !same.some((one) => noted.has(`${one.route} ${status}`)))
      .map((status) => `${route} ${status}`);
  });
}
