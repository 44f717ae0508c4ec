import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { Behaviour } from './behaviour.ts';
import { badFormat, OciFailure } from './failure.ts';
import type { Check } from './checks.ts';
import type { RegisteredIdentity } from './identity.ts';

/** A signed request with its body, and the response that it will get. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer;
  readonly identity: RegisteredIdentity;
  /** `opc-request-id` of the response. */
  readonly callId: string;
}

const maxBodyBytes = 64 * 1024 * 1024;

/** The body's own bytes. @throws OciFailure 413 */
export function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBodyBytes) chunks.push(chunk);
      else reject(new OciFailure(413, 'Request entity too large', { by: 'gateway' }));
    });
    request.on('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
    request.on('error', reject);
  });
}

/** @throws OciFailure 400 for what is not JSON, or not of this form */
export function parseBody<T>(body: Buffer, check: Check<T>): T {
  const value = jsonOf(body);
  if (!check(value)) throw badFormat();
  return value;
}

export function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw badFormat();
  }
}

export function sendJson(
  response: ServerResponse,
  json: string,
  { gzip, truncatedJson }: Pick<Behaviour, 'gzip' | 'truncatedJson'> = { gzip: false, truncatedJson: false },
): void {
  const sent = truncatedJson ? json.slice(0, json.length / 2) : json;
  const body = gzip ? gzipSync(sent) : sent; // a string goes out in one write with the headers
  if (gzip) response.setHeader('content-encoding', 'gzip');
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

export function headerOf(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  return typeof value === 'string' ? value : null;
}
