import type { ContentEvent, TokenLogProb } from '@sluice/shared/contracts/token-event.ts';

/** OpenAI's `logprobs` of a choice, or of a piece of one. */
export function openAiLogProbs(tokens: readonly TokenLogProb[]): Record<string, unknown> {
  return {
    content: tokens.map(({ token, logprob, top }) => ({
      ...tokenOf({ token, logprob }),
      top_logprobs: top.map(tokenOf),
    })),
    refusal: null,
  };
}

/** OpenAI's annotation of a text by a page. */
export function urlCitationAnnotation(
  citation: Extract<ContentEvent, { type: 'url-citation' }>,
): Record<string, unknown> {
  const { url, title, startIndex, endIndex } = citation;
  return { type: 'url_citation', url_citation: { start_index: startIndex, end_index: endIndex, title, url } };
}

/**
 * Adds what a provider said to what it has said before, as `provider-fields` promises: lists grow.
 *
 * @param into changed
 */
export function addProviderFields(into: Map<string, unknown>, fields: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(fields)) {
    const known = into.get(name);
    const before: readonly unknown[] = Array.isArray(known) ? known : [];
    into.set(name, Array.isArray(value) ? before.concat(value) : value);
  }
}

/** A token may be a part of a character, so clients that put them together need the bytes. */
function tokenOf({ token, logprob }: { token: string; logprob: number }): Record<string, unknown> {
  return { token, logprob, bytes: [...Buffer.from(token)] };
}
