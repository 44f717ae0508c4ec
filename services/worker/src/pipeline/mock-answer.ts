import type { ProviderEvent } from '../providers/provider.ts';

/** LiteLLM's usage of every mocked answer (contract §8.5). Tokens. */
const mockUsage = { inputTokens: 10, outputTokens: 20 };

/**
 * A chat's answer that no provider gives: the text once for each choice, word by word.
 *
 * @param outputTokensCap what money is reserved for: the usage never says more
 */
// oxlint-disable-next-line require-await -- as providers answer
export async function* mockAnswer(
  text: string,
  { choices, outputTokensCap }: { readonly choices: number; readonly outputTokensCap: number },
): AsyncGenerator<readonly ProviderEvent[]> {
  yield [{ type: 'accepted', providerRequestId: null, headers: {} }];
  for (let choice = 0; choice < choices; choice += 1) {
    yield wordsOf(text).map((word) => ({ type: 'text-delta', choice, text: word }));
    yield [{ type: 'choice-end', choice, finishReason: 'stop' }];
  }
  const { inputTokens, outputTokens } = mockUsage;
  const usage = { inputTokens, outputTokens: Math.min(outputTokens, outputTokensCap) };
  yield [{ type: 'usage', usage: { ...usage, cachedInputTokens: 0, reasoningTokens: 0 } }];
}

/** Each with the space before it; together they are the text. */
function wordsOf(text: string): readonly string[] {
  return text.match(/\s*\S+|\s+$/g) ?? [text];
}
