import type { IncomingHttpHeaders } from 'node:http';
import { userAgentTag } from '@sluice/shared/contracts/caller.ts';
import type { RequestOrigin } from '@sluice/shared/contracts/caller.ts';
import type { TenancySettings } from '@sluice/shared/config/tenancy-config.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { isJsonObject } from '@sluice/shared/json-object.ts';
import type { JsonObject } from '@sluice/shared/json-object.ts';
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
  const named = [...ownTags(caller, team), ...asked, ...fromHeaders];
  const product = settings.tags.hasUserAgent ? text(headers['user-agent'])?.split(/[\s/]/, 1)[0] : undefined;
  if (product) named.push(`${userAgentTag}${product}`);
  const session = saidSession(headers, body);
  return {
    litellmCallId: callId,
    ipAddress: ip ?? null,
    endUser: endUserIn(headers, body, settings.customers.headers),
    // Of what belongs to no session, each call is its own.
    sessionId: session === null ? storableText(callId) : shortId(session),
    tags: eachOnce(named).filter(isTag),
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
  requireShort(saidEndUser(headers, body, customers.headers));
  requireShort(saidSession(headers, body));
  const { param, tags } = saidTags(headers, body);
  if (tags.length > tagsMax) throw wrong(param, `expected ${tagsMax} tags at most`);
  if (!tags.every(isTag)) throw wrong(param, `expected tags of ${tagLengthMax} characters at most`);
}

function requireShort(id: Said | null): void {
  if (id === null || id.text.length <= idLengthMax) return;
  throw wrong(id.param, `expected ${idLengthMax} characters at most`);
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
  return endUserIn(headers, fieldsOf(body), customerHeaders);
}

/** What a body says of whom it is for, whatever else is in it: of none, nothing. */
export function originBodyOf(body: unknown): OriginBody {
  const fields = fieldsOf(body);
  return { ...fields, metadata: fieldsOf(fields['metadata']) };
}

function endUserIn(headers: IncomingHttpHeaders, body: JsonObject, customerHeaders: readonly string[]): string | null {
  return shortId(saidEndUser(headers, body, customerHeaders));
}

/** What a request says, and which of its headers or fields says it. */
interface Said {
  readonly param: string;
  readonly text: string;
}

/** One place after the other, since every request asks more than once and most say nothing in any. */
function saidEndUser(headers: IncomingHttpHeaders, body: JsonObject, customerHeaders: readonly string[]): Said | null {
  return (
    said('x-litellm-customer-id', headers['x-litellm-customer-id']) ??
    said('x-litellm-end-user-id', headers['x-litellm-end-user-id']) ??
    firstSaid(headers, customerHeaders) ??
    said('user', body['user']) ??
    said('litellm_metadata.user', memberOf(body['litellm_metadata'], 'user')) ??
    said('metadata.user_id', memberOf(body['metadata'], 'user_id')) ??
    said('safety_identifier', body['safety_identifier'])
  );
}

function saidSession(headers: IncomingHttpHeaders, body: JsonObject): Said | null {
  return (
    said('x-litellm-trace-id', headers['x-litellm-trace-id']) ??
    said('litellm_session_id', body['litellm_session_id']) ??
    said('metadata.session_id', memberOf(body['metadata'], 'session_id'))
  );
}

function said(param: string, value: unknown): Said | null {
  const words = text(value);
  return words === null ? null : { param, text: words };
}

function firstSaid(headers: IncomingHttpHeaders, names: readonly string[]): Said | null {
  for (const name of names) {
    const found = said(name, headers[name]);
    if (found !== null) return found;
  }
  return null;
}

function shortId(id: Said | null): string | null {
  return id !== null && id.text.length <= idLengthMax ? id.text : null;
}

/** Body metadata, without the names that only the gateway may set, and the header meant for spend rows. */
function requestMetadata(body: OriginBody, headers: IncomingHttpHeaders): Record<string, unknown> {
  const attached = jsonObject(text(headers['x-litellm-spend-logs-metadata']));
  if (body.metadata == null && attached === null) return {};
  const own = Object.entries(body.metadata ?? {}).filter(([name]) => !name.startsWith('user_api_key'));
  const metadata = storableMembers(Object.fromEntries(own));
  if (attached) metadata['spend_logs_metadata'] = storableMembers(attached);
  return Buffer.byteLength(JSON.stringify(metadata)) > metadataBytesMax ? {} : metadata;
}

/** Of the key and its team, which come before the request's. */
function ownTags(key: Pick<Team, 'metadata'>, team: Pick<Team, 'metadata'> | null): readonly string[] {
  const tags = [...strings(key.metadata['tags']), ...strings(team?.metadata['tags'])];
  return tags.filter(isTag).slice(0, ownTagsMax);
}

/** Those of the request itself, each once. Those of the body win over the header. */
function saidTags(headers: IncomingHttpHeaders, body: JsonObject): { readonly param: string; readonly tags: string[] } {
  const inBody = [
    ...strings(body['tags']),
    ...strings(memberOf(body['metadata'], 'tags')),
    ...strings(memberOf(body['litellm_metadata'], 'tags')),
  ];
  if (inBody.length > 0) return { param: 'tags', tags: eachOnce(inBody).filter((tag) => tag !== '') };
  const header = text(headers['x-litellm-tags']);
  const listed = header === null ? [] : header.split(',').map((tag) => tag.trim());
  return { param: 'x-litellm-tags', tags: eachOnce(listed).filter((tag) => tag !== '') };
}

function eachOnce(tags: readonly string[]): readonly string[] {
  return tags.length > 1 ? [...new Set(tags)] : tags;
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

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string').map(storableText) : noStrings;
}

const noStrings: readonly string[] = [];

const noFields: JsonObject = {};

/** What is in a body, or a part of it, without making a copy; of what is no object, nothing. */
function fieldsOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : noFields;
}

function memberOf(value: unknown, name: 'user' | 'user_id' | 'session_id' | 'tags'): unknown {
  return fieldsOf(value)[name];
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
