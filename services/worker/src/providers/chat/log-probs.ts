import type { TokenLogProb } from '@sluice/shared/contracts/token-event.ts';
import { isJsonObject } from '@sluice/shared/json-object.ts';
import { listOf, textOf } from '../http/wire.ts';
import type { WireObject } from '../http/wire.ts';
import type { ProviderEvent } from '../provider.ts';

/** OpenAI's own number for a token that is not among the likeliest, and for one without a number. */
export const unlikely = -9999;

/** @param topCount how many likeliest tokens the client asked for: some providers send more */
export function pushLogProbs(tokens: readonly TokenLogProb[], choice: number, topCount: number, out: ProviderEvent[]) {
  if (tokens.length === 0) return;
  out.push({ type: 'logprobs', choice, tokens: tokens.map((each) => ({ ...each, top: each.top.slice(0, topCount) })) });
}

/** OpenAI's `logprobs`, also from a backend of OCI that spells it in camel case. */
export function openAiLogProbs(raw: unknown): TokenLogProb[] {
  return isJsonObject(raw) ? listOf(raw['content']).filter(isJsonObject).map(openAiToken) : [];
}

/** A number that is none counts as the least likely. */
export function logProbOf(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : unlikely;
}

function openAiToken(raw: WireObject): TokenLogProb {
  const top = listOf(raw['top_logprobs'] ?? raw['topLogprobs']).filter(isJsonObject);
  return { ...plainToken(raw), top: top.map(plainToken) };
}

function plainToken(raw: WireObject): { token: string; logprob: number } {
  return { token: textOf(raw['token']), logprob: logProbOf(raw['logprob']) };
}
