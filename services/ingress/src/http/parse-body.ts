import { GatewayError } from '@sluice/shared/errors.ts';
import type { z } from 'zod';

/** One wrong field of a management request, in FastAPI's shape. */
export interface ValidationDetail {
  readonly type: string;
  /** `['body', 'models', 0]` or `['query', 'limit']`. */
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly input: unknown;
}

/** A management request whose fields have wrong types: 422 with `detail`. Semantic errors are GatewayErrors. */
export class ManagementValidationError extends Error {
  override readonly name = 'ManagementValidationError';
  readonly detail: readonly ValidationDetail[];

  constructor(detail: readonly ValidationDetail[]) {
    super('The request has fields of wrong types.');
    this.detail = detail;
  }
}

/**
 * The body of an LLM request.
 *
 * @param route put before the message of a missing parameter, as LiteLLM does: `/chat/completions`
 * @throws GatewayError invalid_request for the first thing that is wrong, `param` the path to it: `messages.0.role`
 */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown, route?: string): T {
  if (!isContainer(body) || Array.isArray(body)) {
    const message = 'The request body must be a JSON object, sent with content-type: application/json.';
    throw new GatewayError('invalid_request', message, { param: 'request_body' });
  }
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;

  const { path, message } = firstIssue(parsed.error.issues);
  const param = path.join('.');
  if (valueAt(body, path) === undefined) {
    const prefix = route === undefined ? '' : `${route}: `;
    throw new GatewayError('invalid_request', `${prefix}Missing required parameter: '${param}'.`, { param });
  }
  throw new GatewayError('invalid_request', `Invalid value for '${param}': ${message}.`, { param });
}

/** The body of a management request; none at all is an empty one. @throws ManagementValidationError */
export function parseManagementBody<T>(schema: z.ZodType<T>, body: unknown): T {
  return parseManagement(schema, body ?? {}, 'body');
}

/** @throws ManagementValidationError */
export function parseQuery<T>(schema: z.ZodType<T>, query: unknown): T {
  return parseManagement(schema, query, 'query');
}

function parseManagement<T>(schema: z.ZodType<T>, input: unknown, source: 'body' | 'query'): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new ManagementValidationError(
    parsed.error.issues.slice(0, detailsMax).map((issue) => {
      const { path, message, code, expected } = firstIssue([issue]);
      const value = valueAt(input, path);
      const missing = value === undefined;
      return {
        type: missing ? 'missing' : (pydanticTypes[expected ?? code] ?? 'value_error'),
        loc: [source, ...path],
        msg: missing ? 'Field required' : message,
        input: inputOf(value) ?? null,
      };
    }),
  );
}

/** More of them help nobody. */
const detailsMax = 20;

/** What zod expected, or its code, in the words of pydantic, which clients of LiteLLM know. */
const pydanticTypes: Readonly<Record<string, string>> = {
  string: 'string_type',
  number: 'float_type',
  int: 'int_type',
  boolean: 'bool_type',
  array: 'list_type',
  object: 'dict_type',
  record: 'dict_type',
};

interface Issue {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly code: string;
  readonly expected: string | undefined;
}

/**
 * The issue to tell the client about. Of a union it is the one of the alternative that got furthest: for a wrong
 * part of a list that may also be a string, the part and not "expected string".
 */
function firstIssue(issues: readonly z.core.$ZodIssue[]): Issue {
  const [issue] = issues;
  if (issue === undefined) return { path: [], message: 'Invalid input', code: 'custom', expected: undefined };

  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  if (issue.code === 'invalid_union') {
    const [furthest] = issue.errors.map(firstIssue).toSorted((a, b) => b.path.length - a.path.length);
    if (furthest !== undefined && furthest.path.length > 0) return { ...furthest, path: [...path, ...furthest.path] };
  }
  const expected = issue.code === 'invalid_type' ? issue.expected : undefined;
  return { path, message: issue.message, code: issue.code, expected };
}

function valueAt(root: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((value, step) => {
    const member = isContainer(value) ? Object.getOwnPropertyDescriptor(value, step) : undefined;
    return member?.value;
  }, root);
}

/** Echoed to who sent it, but not at any length. */
function inputOf(value: unknown): unknown {
  if (typeof value === 'string') return value.slice(0, 200);
  if (!isContainer(value)) return value;
  return Array.isArray(value) ? [] : {};
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
