import { Busboy } from '@fastify/busboy';
import type { BusboyFileStream, BusboyInstance } from '@fastify/busboy';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { Request } from 'express';

/** A multipart form with one file in it, read as it arrives. Disposed of, the rest of it is read and forgotten. */
export interface FileForm extends Disposable {
  /** Resolves when the file begins; the fields before it have been looked at. */
  readonly file: Promise<FormFile>;
  /** All other fields, once the form has ended; the file has to be read for that. */
  readonly fields: Promise<Readonly<Record<string, string>>>;
}

export interface FormFile {
  /** Without folders. */
  readonly filename: string;
  /** Once. @throws GatewayError malformed_body for a form that breaks off */
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** Of the parts that are no file, and of the heads of all. */
const limits = { files: 1, fields: 20, parts: 21, fieldSize: 1024, headerPairs: 20, headerSize: 8 * 1024 };

interface FileFormOptions {
  /** The name of the file's part. */
  readonly fileField: string;
  /** Looks at each field as soon as it is there, so that a file of 200 MB is not read in vain. */
  readonly check: (name: string, value: string) => void;
  /** The most that the form may have in all, with what stands before its first part and after its last. */
  readonly bytesMax: number;
  readonly tooLarge: () => GatewayError;
}

/**
 * Begins to read a form. What it waits for is rejected when the form is none, breaks off, or has what `check` refuses.
 *
 * @throws GatewayError malformed_body for what is no form
 */
export function openFileForm(req: Request, { fileField, check, bytesMax, tooLarge }: FileFormOptions): FileForm {
  const parser = parserOf(req);
  const begun = Promise.withResolvers<FormFile>();
  const ended = Promise.withResolvers<Readonly<Record<string, string>>>();
  const fields: Record<string, string> = {};
  let stream: BusboyFileStream | undefined;
  let isOver = false;
  let received = 0;
  // Who waits for the one need not wait for the other.
  for (const { promise } of [begun, ended]) promise.catch(() => undefined);

  parser.on('file', (name, part, filename) => {
    part.on('error', (error) => fail(brokenOff(error)));
    stream = part;
    if (name !== fileField) return fail(unknownField(name));
    begun.resolve({ filename, bytes: bytesOf(part) });
  });
  parser.on('field', (name, value, _nameTruncated, isTruncated) => {
    if (isTruncated) return fail(invalid(name, `more than ${limits.fieldSize} bytes`));
    if (name === fileField) return fail(invalid(name, 'not a file: its part has no filename'));
    if (Object.hasOwn(fields, name)) return fail(invalid(name, 'given more than once'));
    fields[name] = value;
    try {
      check(name, value);
    } catch (error) {
      fail(error);
    }
  });
  parser.on('filesLimit', () => fail(invalid(fileField, 'more than one file')));
  for (const event of ['fieldsLimit', 'partsLimit'] as const) {
    parser.on(event, () =>
      fail(new GatewayError('invalid_request', `The form has more than ${limits.fields} fields.`)),
    );
  }
  parser.on('error', (error) => fail(brokenOff(error)));
  parser.on('finish', () => {
    if (stream === undefined) {
      fail(new GatewayError('invalid_request', `Missing required parameter: '${fileField}'.`, { param: fileField }));
    } else {
      isOver = true;
      ended.resolve(fields);
    }
  });
  req.on('error', (error) => fail(brokenOff(error)));
  req.on('close', () => {
    if (!req.complete) fail(brokenOff(new Error('the client has left')));
  });
  req.on('data', (bytes: Buffer) => {
    received += bytes.length;
    if (received > bytesMax) fail(tooLarge());
  });
  req.pipe(parser);
  return { file: begun.promise, fields: ended.promise, [Symbol.dispose]: () => fail(new Error('nobody reads it')) };

  function fail(error: unknown): void {
    if (isOver) return;
    isOver = true;
    req.unpipe(parser);
    req.resume();
    begun.reject(error);
    ended.reject(error);
    stream?.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}

function parserOf(req: Request): BusboyInstance {
  const { 'content-type': contentType } = req.headers;
  if (contentType === undefined || !/^multipart\/form-data\s*;/i.test(contentType)) {
    throw new GatewayError('malformed_body', 'The request body must be a form, sent as multipart/form-data.');
  }
  try {
    return new Busboy({ headers: { ...req.headers, 'content-type': contentType }, limits });
  } catch (cause) {
    throw new GatewayError('malformed_body', 'The content-type of the form has no boundary.', { cause });
  }
}

async function* bytesOf(part: BusboyFileStream): AsyncGenerator<Uint8Array> {
  try {
    for await (const bytes of part) if (bytes instanceof Uint8Array) yield bytes;
  } catch (error) {
    throw error instanceof GatewayError ? error : brokenOff(error);
  }
}

function brokenOff(cause: unknown): GatewayError {
  return new GatewayError('malformed_body', 'The form could not be read: it breaks off, or is no multipart form.', {
    cause,
  });
}

function unknownField(name: string): GatewayError {
  return new GatewayError('unsupported_parameter', `The form has an unknown field: '${name}'.`, { param: name });
}

function invalid(param: string, why: string): GatewayError {
  return new GatewayError('invalid_request', `Invalid value for '${param}': ${why}.`, { param });
}
