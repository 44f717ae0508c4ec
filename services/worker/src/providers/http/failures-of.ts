import { createFailures } from './failures.ts';
import type { Failures } from './failures.ts';

/** Where LiteLLM's spelling is not the prefix with a capital letter (litellm-contract.md §5.3). */
const exceptions: ReadonlyMap<string, string> = new Map([['openai', 'OpenAIException']]);

/**
 * @param provider a deployment's
 * @param secret what a careless server may repeat of our request; null: there is none
 */
export function failuresOf(provider: string, secret: string | null): Failures {
  const named = exceptions.get(provider) ?? `${provider.slice(0, 1).toUpperCase()}${provider.slice(1)}Exception`;
  return createFailures(named, secret);
}
