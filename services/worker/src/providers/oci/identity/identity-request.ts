import { Agent, request } from 'undici';
import type { ProviderError } from '../../provider.ts';
import { objectFromJson, textOf } from '../wire.ts';
import { identityRefused, identityUnreachable } from './identity-error.ts';

/** To a metadata service that is not there, packets are often just dropped. */
const connectMs = 3_000;

const answerBytesMax = 256 * 1024;

export interface IdentityRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** PEM; the only authority whose certificates are trusted. Absent: the usual ones. */
  readonly ca?: string;
  /** Whom we ask, for errors: `instance principal: the metadata service`. */
  readonly who: string;
  /** A sentence on what to do when it cannot be reached. */
  readonly hint: string;
}

/**
 * One request to a service that issues identities, over a connection of its own, directly: proxies are not asked.
 *
 * @returns the text of a 200
 * @throws ProviderError: `provider_authentication` where the service refuses, else `provider_unreachable`
 */
export async function sendIdentityRequest(asked: IdentityRequest, signal: AbortSignal): Promise<string> {
  const { status, text } = await answerTo(asked, signal);
  if (status === 200) return text;
  throw errorOf(asked, status, text);
}

async function answerTo(
  { method, url, headers, body, ca, who, hint }: IdentityRequest,
  signal: AbortSignal,
): Promise<{ status: number; text: string }> {
  const dispatcher = new Agent({ connections: 1, connect: { timeout: connectMs, ...(ca !== undefined && { ca }) } });
  try {
    const answer = await request(url, { method, headers, body: body ?? null, signal, dispatcher });
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of answer.body) {
      const part = Buffer.from(chunk);
      chunks.push(part);
      bytes += part.length;
      if (bytes > answerBytesMax) throw new Error('the answer is too long');
    }
    return { status: answer.statusCode, text: Buffer.concat(chunks).toString() };
  } catch (error) {
    const reason = signal.aborted ? 'no answer in time' : reasonOf(error);
    throw identityUnreachable(
      `${who} at ${URL.parse(url)?.origin ?? url} cannot be reached (${reason}). ${hint}`,
      error,
    );
  } finally {
    await dispatcher.destroy();
  }
}

/** Of the body only OCI's code is repeated: the rest may quote what was sent. */
function errorOf({ url, who }: IdentityRequest, status: number, body: string): ProviderError {
  const code = /^\w{1,64}$/.exec(textOf(objectFromJson(body)?.['code']))?.[0];
  const what = `${who} answered ${status}${code ? ` ${code}` : ''} to ${url}.`;
  const refuses = status >= 400 && status < 500 && status !== 408 && status !== 429;
  return refuses ? identityRefused(what) : identityUnreachable(what);
}

/** Node puts what happened into `code`; a connection that fails on several addresses has it one level down. */
function reasonOf(error: unknown): string {
  const errors = error instanceof AggregateError ? error.errors : [error];
  const [code] = errors.map((each: unknown) => (each instanceof Error && 'code' in each ? each.code : null));
  if (typeof code === 'string') return code;
  return error instanceof Error ? error.message : 'unknown reason';
}
