import assert from 'node:assert/strict';
import { ErrorBody, ValidationErrorBody } from '../../src/routes/openapi/answers/error-bodies.ts';
import { errorStatuses } from '../../src/routes/openapi/responses.ts';
import { operations } from './operations.ts';

/**
 * Fails for an answer that is not as the document says: a status that it does not name, a field that it does not have,
 * or one that is missing or of another type. Of what is no route it says nothing.
 *
 * @param asked method and address, with or without a query
 */
export function assertDocumented(
  asked: { readonly method: string; readonly path: string },
  { status, body }: { readonly status: number; readonly body: unknown },
): void {
  const [path = ''] = asked.path.split('?', 1);
  const found = operations.find(({ route, method }) => method === asked.method && patternOf(route).test(path));
  if (found === undefined) return;
  const { route, kind, operation } = found;
  const said = `${route} ${status}: ${JSON.stringify(body)}`;
  if (status !== 200) {
    assert.ok(errorStatuses(kind, operation).includes(status), `not in the document: ${said}`);
    const [schema] = [ErrorBody, ValidationErrorBody].filter((one) => one.safeParse(body).success);
    assert.ok(schema, `not as the document says: ${said}`);
    return;
  }
  const [schema] = Object.values(operation.answer ?? {});
  assert.ok(schema, `no answer in the document: ${said}`);
  const parsed = schema.safeParse(body);
  assert.ok(parsed.success, `not as the document says: ${said}\n${parsed.error?.message}`);
  assert.deepEqual(parsed.data, body, `more than the document says: ${said}`);
}

function patternOf(route: string): RegExp {
  const [, path = ''] = route.split(' ');
  return new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\*\w+/g, '.+').replaceAll(/:\w+/g, '[^/]+')}$`);
}
