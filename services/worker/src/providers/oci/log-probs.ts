import type { TokenLogProb } from '@sluice/shared/contracts/token-event.ts';
import { isJsonObject } from '@sluice/shared/json-object.ts';
import { logProbOf, openAiLogProbs, unlikely } from '../chat/log-probs.ts';
import { listOf, textOf } from '../http/wire.ts';

/** GENERIC's parallel lists (oci-wire.md §3.4), or OpenAI's own `content` from a backend that passes it on. */
export function genericLogProbs(raw: unknown): TokenLogProb[] {
  if (!isJsonObject(raw)) return [];
  if (Array.isArray(raw['content'])) return openAiLogProbs(raw);
  const numbers = listOf(raw['tokenLogprobs']);
  const tops = listOf(raw['topLogprobs']);
  return listOf(raw['tokens']).map((token, at) => ({
    token: textOf(token),
    logprob: logProbOf(numbers[at]),
    top: topOf(tops[at]),
  }));
}

/** COHEREV2 gives a text with the numbers of its tokens: their sum is the text's (oci-wire.md §3.7). */
export function cohereV2LogProbs(raw: unknown): TokenLogProb[] {
  return listOf(raw)
    .filter(isJsonObject)
    .map((piece) => {
      const numbers = listOf(piece['logProbabilities']);
      const logprob = numbers.reduce<number>((sum, value) => sum + logProbOf(value), 0);
      return { token: textOf(piece['text']), logprob: numbers.length === 0 ? unlikely : logprob, top: [] };
    });
}

/** Likeliest first, as OpenAI has them. */
function topOf(raw: unknown): { token: string; logprob: number }[] {
  const entries = Object.entries(isJsonObject(raw) ? raw : {});
  return entries
    .map(([token, value]) => ({ token, logprob: logProbOf(value) }))
    .toSorted((one, other) => other.logprob - one.logprob);
}
