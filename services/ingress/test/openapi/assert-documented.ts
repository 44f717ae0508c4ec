import assert from 'node:assert/strict';
import type { z } from 'zod';
import { ErrorBody, ValidationErrorBody } from '../../src/routes/openapi/answers/error-bodies.ts';
import { errorStatuses } from '../../src/routes/openapi/responses.ts';
import { noteAnswer } from './answered.ts';
import { operationOf, type Asked } from './operations.ts';

/**
 * Fails for an answer that is not as the document says: a status that it does not name, a field that it does not have,
 * or one that is missing or of another type. Of what is no route it says nothing.
 */
export function assertDocumented(asked: Asked, { status, body }: { readonly status: number; readonly body: unknown }) {
  const found = operationOf(asked);
  if (found === undefined) return;
  const { route, kind, operation } = found;
  noteAnswer(asked, status);
  if (status === 200) {
    assertFits(`${route} 200`, Object.values(operation.answer ?? {}), body);
    return;
  }
  if (kind === 'public' || status === 431) return; // 503 is as 200; 431 is of the server, before any route
  assert.ok(errorStatuses(kind, operation).includes(status), `${route} ${status} is not in the document`);
  assertFits(`${route} ${status}`, [ErrorBody, ValidationErrorBody], body);
}

/** The same of a whole response, streamed ones too. */
export function assertReplyDocumented(
  asked: Asked,
  { status, headers, text }: { readonly status: number; readonly headers: Headers; readonly text: string },
): void {
  const type = headers.get('content-type') ?? '';
  if (type.startsWith('application/json')) assertDocumented(asked, { status, body: JSON.parse(text) });
  if (!type.startsWith('text/event-stream')) return;
  const events = text.split('\n').filter((line) => line.startsWith('data: {'));
  const schemas = [...Object.values(operationOf(asked)?.operation.events ?? {}), ErrorBody];
  for (const event of events) assertFits(asked.path, schemas, JSON.parse(event.slice('data: '.length)));
}

/** One of them, with nothing left over. */
function assertFits(what: string, schemas: readonly z.ZodType[], body: unknown): void {
  const parsed = schemas.map((schema) => schema.safeParse(body));
  const [fitting] = parsed.filter(({ success }) => success);
  const why = parsed.map(({ error }) => error?.message ?? '').join('\n');
  assert.ok(fitting, `${what} is not as the document says: ${JSON.stringify(body)}\n${why}`);
  assert.deepEqual(fitting.data, body, `${what} is more than the document says`);
}
