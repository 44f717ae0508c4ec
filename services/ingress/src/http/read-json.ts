import { isUtf8 } from 'node:buffer';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { Request } from 'express';
import { isNestedTooDeep, jsonLevelsMax } from './json-depth.ts';

/**
 * The request's body as JSON, with the text it came in. Read here and not by a middleware, so that a bad key is told
 * before a bad body.
 *
 * @throws GatewayError malformed_body for bytes that are not UTF-8 or not JSON, or JSON nested without sense
 */
export function readJson(req: Pick<Request, 'body'>): { text: string; value: unknown } {
  const bytes: unknown = req.body;
  if (!Buffer.isBuffer(bytes) || bytes.length === 0)
    throw malformed('The request has no body; a JSON object is expected.');
  if (!isUtf8(bytes)) throw malformed('The request body is not valid UTF-8.');
  const text = bytes.toString();
  const value = parse(text);
  if (isNestedTooDeep(value)) throw malformed(`The request body is nested more than ${jsonLevelsMax} levels deep.`);
  return { text, value };
}

/** The same for management requests, where no body at all is an empty one. */
export function readOptionalJson(req: Pick<Request, 'body'>): unknown {
  const bytes: unknown = req.body;
  return Buffer.isBuffer(bytes) && bytes.length > 0 ? readJson(req).value : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw malformed(
      `The request body is not valid JSON: ${error instanceof Error ? error.message : 'it does not parse'}.`,
    );
  }
}

function malformed(message: string): GatewayError {
  return new GatewayError('malformed_body', message, { param: 'request_body' });
}
