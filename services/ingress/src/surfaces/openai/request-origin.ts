import type { IncomingHttpHeaders } from 'node:http';
import { userAgentTag } from '@sluice/shared/contracts/caller.ts';
import type { RequestOrigin } from '@sluice/shared/contracts/caller.ts';
import type { TenancySettings } from '@sluice/shared/config/tenancy-config.ts';
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

const tagsMax = 64;
const tagLengthMax = 256;
/** Request metadata lands in every spend row; more than this belongs elsewhere. */
const metadataBytesMax = 16 * 1024;

/**
 * What the spend row will say about where a request came from. Wrong types are left out: they must not fail it.
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
  const named = [...tagsOf(body, headers, [caller, ...(team ? [team] : [])]), ...fromHeaders];
  const product = settings.tags.hasUserAgent ? text(headers['user-agent'])?.split(/[\s/]/, 1)[0] : undefined;
  const tags = [...new Set(product ? [...named, `${userAgentTag}${product}`] : named)];
  return {
    litellmCallId: callId,
    ipAddress: ip ?? null,
    endUser: endUserIn(headers, body, settings.customers.headers),
    // Of what belongs to no session, each call is its own.
    sessionId:
      text(headers['x-litellm-trace-id']) ??
      text(body['litellm_session_id']) ??
      text(body.metadata?.['session_id']) ??
      storableText(callId),
    tags: tags.filter((tag) => tag !== '' && tag.length <= tagLengthMax).slice(0, tagsMax),
    ...(fromHeaders.length > 0 && { headerTags: fromHeaders }),
    metadata: requestMetadata(body, headers),
  };
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
  return (
    text(headers['x-litellm-customer-id']) ??
    text(headers['x-litellm-end-user-id']) ??
    customerHeaders.map((name) => text(headers[name])).find((named) => named !== null) ??
    text(body['user']) ??
    text(membersOf(body['litellm_metadata'])['user']) ??
    text(body.metadata?.['user_id']) ??
    text(body['safety_identifier'])
  );
}

/** Body metadata, without the names that only the gateway may set, and the header meant for spend rows. */
function requestMetadata(body: OriginBody, headers: IncomingHttpHeaders): Record<string, unknown> {
  const own = Object.entries(body.metadata ?? {}).filter(([name]) => !name.startsWith('user_api_key'));
  const metadata = storableMembers(Object.fromEntries(own));
  const attached = jsonObject(text(headers['x-litellm-spend-logs-metadata']));
  if (attached) metadata['spend_logs_metadata'] = storableMembers(attached);
  return Buffer.byteLength(JSON.stringify(metadata)) > metadataBytesMax ? {} : metadata;
}

/** Body tags win over the header; the key's own come first, then its team's. */
function tagsOf(
  body: OriginBody,
  headers: IncomingHttpHeaders,
  holders: readonly Pick<Team, 'metadata'>[],
): readonly string[] {
  const ownTags = holders.flatMap((holder) => strings(holder.metadata['tags']));
  const says = [body, body.metadata, membersOf(body['litellm_metadata'])];
  const bodyTags = says.flatMap((part) => strings(part?.['tags']));
  const listed = (text(headers['x-litellm-tags']) ?? '').split(',').map((tag) => tag.trim());
  return [...ownTags, ...(bodyTags.length > 0 ? bodyTags : listed)];
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
