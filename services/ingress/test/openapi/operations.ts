import { placeOf } from '../../src/routes/openapi/document.ts';
import type { Operation, OperationKind } from '../../src/routes/openapi/operation.ts';
import { sections } from '../../src/routes/openapi/sections.ts';

export interface PlacedOperation {
  /** As the table has it: `GET /models/*model`. */
  readonly route: string;
  /** Upper case. */
  readonly method: string;
  /** With a text in place of each parameter. */
  readonly path: string;
  readonly kind: OperationKind;
  readonly operation: Operation;
}

/** Every operation of the document, as it can be asked. */
export const operations: readonly PlacedOperation[] = sections.flatMap(({ kind, operations: own }) =>
  Object.entries(own).map(([route, operation]) => {
    const { method, path } = placeOf(route);
    return { route, method: method.toUpperCase(), path: path.replaceAll(/[*:]\w+/g, 'x'), kind, operation };
  }),
);

/** A request as a test makes it. */
export interface Asked {
  readonly method: string;
  /** With a query or without. */
  readonly path: string;
}

/** undefined: it is no route's. */
export function operationOf({ method: asked, path: address }: Asked): PlacedOperation | undefined {
  const [path = ''] = address.split('?', 1);
  return operations.find(({ route, method }) => method === asked && patternOf(route).test(path));
}

function patternOf(route: string): RegExp {
  const [, path = ''] = route.split(' ');
  return new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\*\w+/g, '.+').replaceAll(/:\w+/g, '[^/]+')}$`);
}
