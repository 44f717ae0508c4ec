import type { TokenLogProb } from '@sluice/shared/contracts/token-event.ts';
import type { ProviderEvent } from '../provider.ts';
import { isObject, listOf, textOf } from '../http/wire.ts';
import type { WireObject } from '../http/wire.ts';

/** OpenAI's own word for a token that is not among the likeliest, and for one without a number. */
const unlikely = -9999;

/** @param topCount how many likeliest tokens the client asked for: OCI may send more */
export function pushLogProbs(tokens: readonly TokenLogProb[], choice: number, topCount: number, out: ProviderEvent[]) {
  if (tokens.length === 0) return;
  out.push({ type: 'logprobs', choice, tokens: tokens.map((each) => ({ ...each, top: each.top.slice(0, topCount) })) });
}

/** GENERIC's parallel lists (oci-wire.md §3.4), or OpenAI's own `content` from a backend that passes it on. */
export function genericLogProbs(raw: unknown): TokenLogProb[] {
  if (!isObject(raw)) return [];
  if (Array.isArray(raw['content'])) return raw['content'].filter(isObject).map(openAiToken);
  const numbers = listOf(raw['tokenLogprobs']);
  const tops = listOf(raw['topLogprobs']);
  return listOf(raw['tokens']).map((token, at) => ({
    token: textOf(token),
    logprob: numberOf(numbers[at]),
    top: topOf(tops[at]),
  }));
}

/** COHEREV2 gives a text with the numbers of its tokens: their sum is the text's (oci-wire.md §3.7). */
export function cohereV2LogProbs(raw: unknown): TokenLogProb[] {
  return listOf(raw)
    .filter(isObject)
    .map((piece) => {
      const numbers = listOf(piece['logProbabilities']);
      const logprob = numbers.reduce<number>((sum, value) => sum + numberOf(value), 0);
      return { token: textOf(piece['text']), logprob: numbers.length === 0 ? unlikely : logprob, top: [] };
    });
}

function openAiToken(raw: WireObject): TokenLogProb {
  const top = listOf(raw['top_logprobs'] ?? raw['topLogprobs']).filter(isObject);
  return { ...plainToken(raw), top: top.map(plainToken) };
}

function plainToken(raw: WireObject): { token: string; logprob: number } {
  return { token: textOf(raw['token']), logprob: numberOf(raw['logprob']) };
}

/** Likeliest first, as OpenAI has them. */
function topOf(raw: unknown): { token: string; logprob: number }[] {
  const entries = Object.entries(isObject(raw) ? raw : {});
  return entries
    .map(([token, value]) => ({ token, logprob: numberOf(value) }))
    .toSorted((one, other) => other.logprob - one.logprob);
}

function numberOf(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : unlikely;
}
