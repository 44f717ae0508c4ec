import type { Dispatcher } from 'undici';
import { isJsonObject } from '@sluice/shared/json-object.ts';
import { objectFromJson, textOf } from '../providers/http/wire.ts';
import { signGet } from '../providers/oci/signing.ts';
import type { SigningIdentity } from '../providers/oci/signing.ts';
import type { OciSigner } from '../providers/oci/identity/oci-signer.ts';

export interface ModelListing {
  readonly items: readonly unknown[];
  /** False: there were more pages than are read. */
  readonly complete: boolean;
}

export interface ListOciModelsDeps {
  readonly dispatcher: Dispatcher;
  readonly now: () => number;
}

const pageSize = 100;
const pagesMax = 20;
const pageBytesMax = 4 * 1024 * 1024;

/**
 * All models that a compartment sees in a region: `GET /20231130/models`, page by page (oci-wire.md §1.3).
 *
 * @param url of the control plane, without a path
 * @throws Error when a page is refused or is not as documented; the whole is then unknown
 */
export async function listOciModels(
  { dispatcher, now }: ListOciModelsDeps,
  place: { readonly url: string; readonly compartmentId: string; readonly signer: OciSigner },
  signal: AbortSignal,
): Promise<ModelListing> {
  const items: unknown[] = [];
  let page: string | null = null;
  for (let pages = 0; pages < pagesMax; pages += 1) {
    const query: string[] = [`compartmentId=${encodeURIComponent(place.compartmentId)}`, `limit=${pageSize}`];
    if (page !== null) query.push(`page=${encodeURIComponent(page)}`);
    const response = await askedTwice(`/20231130/models?${query.join('&')}`);
    const body = await readBody(response.body);
    const listed = objectFromJson(body)?.['items'];
    if (response.statusCode !== 200) throw refusal(response, body);
    if (!Array.isArray(listed)) throw new Error('the control plane sent something else than a list of models');
    items.push(...(listed as unknown[]));
    page = headerOf(response, 'opc-next-page');
    if (page === null) return { items, complete: true };
  }
  return { items, complete: false };

  /** A token that has ended is renewed on a 401, and the question asked once more. */
  async function askedTwice(path: string): Promise<Dispatcher.ResponseData> {
    const identity = await place.signer.current();
    const response = await ask(path, identity);
    if (response.statusCode !== 401 || !(await place.signer.refused(identity))) return response;
    await response.body.dump();
    return ask(path, await place.signer.current());
  }

  async function ask(path: string, identity: SigningIdentity): Promise<Dispatcher.ResponseData> {
    const { host } = new URL(place.url);
    const signed = await signGet(identity, { target: path, host, date: new Date(now()) });
    const headers = { ...signed, accept: 'application/json', 'accept-encoding': 'identity' };
    return dispatcher.request({ origin: place.url, path, method: 'GET', headers, signal });
  }
}

async function readBody(body: Dispatcher.ResponseData['body']): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of body as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > pageBytesMax) throw new Error(`a page of models is larger than ${pageBytesMax} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

/** What OCI said, and under which id its support finds it (oci-wire.md §6.1). */
function refusal(response: Dispatcher.ResponseData, body: string): Error {
  const said = objectFromJson(body);
  const message = isJsonObject(said) ? textOf(said['message']).slice(0, 500) : '';
  const id = headerOf(response, 'opc-request-id') ?? 'none';
  return new Error(`the control plane answered ${response.statusCode}: ${message} (opc-request-id: ${id})`);
}

/** null: absent or empty. */
function headerOf({ headers }: Dispatcher.ResponseData, name: string): string | null {
  const value = headers[name];
  return typeof value === 'string' && value !== '' ? value : null;
}
