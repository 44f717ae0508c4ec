import type { IncomingHttpHeaders } from 'node:http';
import { userAgentTag } from '@sluice/shared/contracts/caller.ts';
import type { RequestOrigin } from '@sluice/shared/contracts/caller.ts';
import type { TenancySettings } from '@sluice/shared/config/tenancy-config.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { z } from 'zod';
import type { Authenticated } from '../../auth/authenticated.ts';
import type { Team } from '../../tenancy/team.ts';
import { isNestedTooDeep } from '../../http/json-depth.ts';
import { storableMembers, storableText } from './storable.ts';

/** The body fields that say who a request is for; every inference route has them. */
export interface OriginBody {
  readonly user?: string | null | undefined;
  readonly metadata?: Record<string, unknown> | null | undefined;
  readonly [field: string]: unknown;
}

/** What of the configuration says where a request came from. */
export type OriginSettings = Pick<TenancySettings, 'customers' | 'tags'>;

/** Of one request; those of its key and its team come to as many as they have. */
const tagsMax = 64;
const ownTagsMax = 200;
const tagLengthMax = 256;
/** Of an end user and of a session, as of all ids that can be managed. UTF-16 units. */
const idLengthMax = 255;
/** Request metadata lands in every spend row; more than this belongs elsewhere. */
const metadataBytesMax = 16 * 1024;

/**
 * What the spend row will say about where a request came from. Wrong types are left out: they must not fail it. So is
 * what `requireOrigin` refuses.
 *
 * @param team whose tags are on every request of it
 */
export function requestOrigin(
  { headers, ip }: { headers: IncomingHttpHeaders; ip: string | undefined },
  body: OriginBody,
  caller: Authenticated['caller'],
  callId: string,
  settings: OriginSettings,
  team: Pick<Team, 'metadata'> | null = null,
): RequestOrigin {
  const fromHeaders = headerTags(headers, settings.tags.headers);
  const asked = saidTags(headers, body).tags.filter(isTag).slice(0, tagsMax);
  const named = [...ownTags([caller, ...(team ? [team] : [])]), ...asked, ...fromHeaders];
  const product = settings.tags.hasUserAgent ? text(headers['user-agent'])?.split(/[\s/]/, 1)[0] : undefined;
  const tags = new Set(product ? [...named, `${userAgentTag}${product}`] : named);
  const session = saidSession(headers, body);
  return {
    litellmCallId: callId,
    ipAddress: ip ?? null,
    endUser: endUserIn(headers, body, settings.customers.headers),
    // Of what belongs to no session, each call is its own.
    sessionId: session === null ? storableText(callId) : shortId(session),
    tags: [...tags].filter(isTag),
    ...(fromHeaders.length > 0 && { headerTags: fromHeaders }),
    metadata: requestMetadata(body, headers),
  };
}

/**
 * What of a request names whom or what it is for has to fit where such names are kept: the keys of counters, the books
 * and their indexes.
 *
 * @throws GatewayError invalid_request naming the header or field
 */
export function requireOrigin(headers: IncomingHttpHeaders, body: OriginBody, { customers }: OriginSettings): void {
  for (const said of [saidEndUser(headers, body, customers.headers), saidSession(headers, body)]) {
    if (said === null || said.text.length <= idLengthMax) continue;
    throw wrong(said.param, `expected ${idLengthMax} characters at most`);
  }
  const { param, tags } = saidTags(headers, body);
  if (tags.length > tagsMax) throw wrong(param, `expected ${tagsMax} tags at most`);
  if (!tags.every(isTag)) throw wrong(param, `expected tags of ${tagLengthMax} characters at most`);
}

function wrong(param: string, why: string): GatewayError {
  return new GatewayError('invalid_request', `Invalid value for '${param}': ${why}.`, { param });
}

/**
 * The end user of a request (contract §3.4).
 *
 * @param body as it was sent: of any type
 */
export function endUserOf(
  headers: IncomingHttpHeaders,
  body: unknown,
  customerHeaders: readonly string[],
): string | null {
  return endUserIn(headers, originBodyOf(body), customerHeaders);
}

/** What a body says of whom it is for, whatever else is in it: of none, nothing. */
export function originBodyOf(body: unknown): OriginBody {
  const members = membersOf(body);
  return { ...members, metadata: membersOf(members['metadata']) };
}

function endUserIn(headers: IncomingHttpHeaders, body: OriginBody, customerHeaders: readonly string[]): string | null {
  return shortId(saidEndUser(headers, body, customerHeaders));
}

/** What a request says, and which of its headers or fields says it. */
interface Said {
  readonly param: string;
  readonly text: string;
}

function saidEndUser(headers: IncomingHttpHeaders, body: OriginBody, customerHeaders: readonly string[]): Said | null {
  const names = ['x-litellm-customer-id', 'x-litellm-end-user-id', ...customerHeaders];
  return firstSaid([
    ...names.map((name) => [name, headers[name]] as const),
    ['user', body['user']],
    ['litellm_metadata.user', membersOf(body['litellm_metadata'])['user']],
    ['metadata.user_id', body.metadata?.['user_id']],
    ['safety_identifier', body['safety_identifier']],
  ]);
}

function saidSession(headers: IncomingHttpHeaders, body: OriginBody): Said | null {
  return firstSaid([
    ['x-litellm-trace-id', headers['x-litellm-trace-id']],
    ['litellm_session_id', body['litellm_session_id']],
    ['metadata.session_id', body.metadata?.['session_id']],
  ]);
}

function firstSaid(places: readonly (readonly [param: string, value: unknown])[]): Said | null {
  for (const [param, value] of places) {
    const said = text(value);
    if (said !== null) return { param, text: said };
  }
  return null;
}

function shortId(said: Said | null): string | null {
  return said !== null && said.text.length <= idLengthMax ? said.text : null;
}

/** Body metadata, without the names that only the gateway may set, and the header meant for spend rows. */
function requestMetadata(body: OriginBody, headers: IncomingHttpHeaders): Record<string, unknown> {
  const own = Object.entries(body.metadata ?? {}).filter(([name]) => !name.startsWith('user_api_key'));
  const metadata = storableMembers(Object.fromEntries(own));
  const attached = jsonObject(text(headers['x-litellm-spend-logs-metadata']));
  if (attached) metadata['spend_logs_metadata'] = storableMembers(attached);
  return Buffer.byteLength(JSON.stringify(metadata)) > metadataBytesMax ? {} : metadata;
}

/** Of the key and its team, which come before the request's. */
function ownTags(holders: readonly Pick<Team, 'metadata'>[]): readonly string[] {
  return holders.flatMap(({ metadata }) => strings(metadata['tags']).filter(isTag)).slice(0, ownTagsMax);
}

/** Those of the request itself, each once. Those of the body win over the header. */
function saidTags(headers: IncomingHttpHeaders, body: OriginBody): { readonly param: string; readonly tags: string[] } {
  const says = [body, body.metadata, membersOf(body['litellm_metadata'])];
  const inBody = says.flatMap((part) => strings(part?.['tags']));
  const listed = (text(headers['x-litellm-tags']) ?? '').split(',').map((tag) => tag.trim());
  const [param, tags] = inBody.length > 0 ? ['tags', inBody] : ['x-litellm-tags', listed];
  return { param, tags: [...new Set(tags)].filter((tag) => tag !== '') };
}

function isTag(tag: string): boolean {
  return tag !== '' && tag.length <= tagLengthMax;
}

function headerTags(headers: IncomingHttpHeaders, names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const value = text(headers[name.toLowerCase()]);
    const tag = `${name}: ${value}`;
    return value === null || tag.length > tagLengthMax ? [] : [tag];
  });
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? storableText(value) : null;
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string').map(storableText) : [];
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function jsonObject(source: string | null): Record<string, unknown> | null {
  if (source === null) return null;
  try {
    const value: unknown = JSON.parse(source);
    const parsed = isNestedTooDeep(value) ? null : z.record(z.string(), z.unknown()).safeParse(value);
    return parsed?.success ? parsed.data : null;
  } catch {
    return null;
  }
}
