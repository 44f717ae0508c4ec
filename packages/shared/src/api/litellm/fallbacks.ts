import { z } from 'zod';
import { ChatMessage } from '../openai/chat-completion.ts';

/** Lists in a body are as long as a client likes to make them. */
const entriesMax = 100;

/** An alias to try, and what to ask it in place of the request's own messages. */
const OwnFallback = z.strictObject({
  model: z.string().min(1),
  messages: z.array(ChatMessage).min(1).max(10_000).optional(),
});
export type OwnFallback = z.infer<typeof OwnFallback>;

const Lists = z.record(z.string(), z.array(z.string()).max(entriesMax));

/**
 * `fallbacks` of a request (litellm-contract.md §8.5): aliases, or aliases with messages of their own; or the
 * configuration's form, `[{alias: [alias, …]}]`, in which it replaces the configured ones.
 */
export const BodyFallbacks = z.union([
  z.array(z.union([z.string().min(1), OwnFallback])).max(entriesMax),
  z.array(Lists).max(entriesMax),
]);

/** `context_window_fallbacks` and `content_policy_fallbacks` of a request: aliases, or the configuration's form. */
export const BodyFallbackLists = z.union([z.array(z.string().min(1)).max(entriesMax), z.array(Lists).max(entriesMax)]);

/** The request's own list, apart from the configuration's form. */
export function ownFallbacks(fallbacks: z.infer<typeof BodyFallbacks>): readonly OwnFallback[] | null {
  const own = fallbacks.flatMap((entry) => {
    if (typeof entry === 'string') return [{ model: entry }];
    const named = OwnFallback.safeParse(entry);
    return named.success ? [named.data] : [];
  });
  return own.length > 0 || fallbacks.length === 0 ? own : null;
}

/** The messages that a request has for some of its fallbacks, by alias; none where the body has no such list. */
export function fallbackMessages(body: Readonly<Record<string, unknown>>): ReadonlyMap<string, ChatMessage[]> {
  const fallbacks = BodyFallbacks.safeParse(body['fallbacks'] ?? []);
  const own = fallbacks.success ? (ownFallbacks(fallbacks.data) ?? []) : [];
  return new Map(own.flatMap(({ model, messages }) => (messages ? [[model, messages]] : [])));
}
