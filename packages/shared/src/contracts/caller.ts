import { z } from 'zod';

/** Who a request is for, as the books will name them. Fixed at admission; no secret in it. */
export const Caller = z.object({
  /** SHA-256 of the virtual key, or `litellm_proxy_master_key` for the master key. */
  keyHash: z.string(),
  keyAlias: z.string().nullable(),
  /** `sk-...` and the last four characters. */
  keyName: z.string().nullable(),
  userId: z.string().nullable(),
  teamId: z.string().nullable(),
  organizationId: z.string().nullable(),
  /** As they were called at admission. Absent: not known. */
  teamAlias: z.string().optional(),
  userEmail: z.string().optional(),
  /** The key's own metadata; copied into every spend row. */
  metadata: z.record(z.string(), z.unknown()),
});
export type Caller = z.infer<typeof Caller>;

/** What the request itself says about its origin, for the spend row. */
export const RequestOrigin = z.object({
  /** `x-litellm-call-id`, the client's or ours. */
  litellmCallId: z.string(),
  ipAddress: z.string().nullable(),
  endUser: z.string().nullable(),
  sessionId: z.string().nullable(),
  tags: z.array(z.string()),
  /** Those of `tags` that say what a header said; absent: none. */
  headerTags: z.array(z.string()).optional(),
  /** Request `metadata`, without what only the gateway may set. */
  metadata: z.record(z.string(), z.unknown()),
});
export type RequestOrigin = z.infer<typeof RequestOrigin>;

/** What the tag begins with that names the client's program; it is for the books alone. */
export const userAgentTag = 'User-Agent: ';

/** The tags that may have budgets and limits. */
export function limitableTags({ tags }: Pick<RequestOrigin, 'tags'>): readonly string[] {
  return tags.filter((tag) => !tag.startsWith(userAgentTag));
}

/** The tags by which a request asks for deployments. */
export function routingTags(origin: Pick<RequestOrigin, 'tags' | 'headerTags'>): readonly string[] {
  return limitableTags(origin).filter((tag) => !origin.headerTags?.includes(tag));
}
