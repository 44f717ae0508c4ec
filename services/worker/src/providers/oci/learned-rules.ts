import { refusedOf } from '../chat/supported-params.ts';
import { ProviderError } from '../provider.ts';
import type { ChatCall } from '../provider.ts';
import { chatFamilyOf } from './model-family.ts';
import type { ChatFamily } from './model-family.ts';

/** What a model refused that its family's rules did not know of. */
interface Learned {
  outputLimitField: ChatFamily['outputLimitField'] | null;
  streamOptions: boolean;
  /** Names of parameters, and `name=value` where only the value was refused. */
  readonly refused: Set<string>;
}

/** Refused values come from requests, so what is kept of them has a bound, per model. */
const refusedMax = 64;

const otherLimitField = { maxTokens: 'maxCompletionTokens', maxCompletionTokens: 'maxTokens' } as const;

/** OCI's words for what OpenAI calls otherwise; all others differ only in how words are joined. */
const openAiNames: ReadonlyMap<string, string> = new Map([
  ['log_probs', 'logprobs'],
  ['num_generations', 'n'],
  ['is_parallel_tool_calls', 'parallel_tool_calls'],
]);

/**
 * Models change faster than our table: a refused parameter is learnt from the 400 that names it (oci-wire.md §7.1),
 * for as long as the process lives. What only says how we put the question is swapped or left out; what the
 * client asked for is left out only with `drop_params`, otherwise the 400 is its answer.
 */
export class LearnedRules {
  readonly #byModel = new Map<string, Learned>();

  /** The rules for this call. */
  familyOf(call: ChatCall): ChatFamily {
    const family = chatFamilyOf(call.deployment.upstreamModel);
    const learned = this.#byModel.get(call.deployment.upstreamModel);
    if (!learned) return family;
    const isRefused = (name: string) =>
      learned.refused.has(name) || learned.refused.has(withValue(name, call.request[name]));
    return {
      ...family,
      outputLimitField: learned.outputLimitField ?? family.outputLimitField,
      streamOptions: family.streamOptions && learned.streamOptions,
      params: call.dropParams ? new Map([...family.params].filter(([name]) => !isRefused(name))) : family.params,
    };
  }

  /** @returns whether the call is now put in another way, and so worth repeating; a refused call is not billed */
  learn(call: ChatCall, error: unknown): boolean {
    if (!(error instanceof ProviderError) || error.status !== 400 || error.mayBeBilled || error.param === null) {
      return false;
    }
    const isValue = error.providerCode === 'unsupported_value';
    if (!isValue && error.providerCode !== 'unsupported_parameter') return false;
    return this.#refuse(call, openAiName(error.param), isValue);
  }

  #refuse(call: ChatCall, name: string, isValue: boolean): boolean {
    const family = this.familyOf(call);
    const learned = this.#learnedOf(call.deployment.upstreamModel);
    if (name === openAiName(family.outputLimitField)) {
      // Swapped once: a model that refuses both is beyond our help.
      if (isValue || learned.outputLimitField !== null || family.apiFormat !== 'GENERIC') return false;
      learned.outputLimitField = otherLimitField[family.outputLimitField];
      return true;
    }
    if (name === 'stream_options') {
      if (!call.stream || !family.streamOptions) return false;
      learned.streamOptions = false;
      return true;
    }
    const value = call.request[name];
    const isAsked = value !== undefined && value !== null && family.params.has(name);
    const isDropped = refusedOf([name], call.request, call.dropParams).length === 0;
    if (!isAsked || !isDropped || learned.refused.size >= refusedMax) return false;
    learned.refused.add(isValue ? withValue(name, value) : name);
    return true;
  }

  #learnedOf(model: string): Learned {
    const known = this.#byModel.get(model);
    if (known) return known;
    const learned = { outputLimitField: null, streamOptions: true, refused: new Set<string>() };
    this.#byModel.set(model, learned);
    return learned;
  }
}

function openAiName(param: string): string {
  const name = param.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return openAiNames.get(name) ?? name;
}

function withValue(name: string, value: unknown): string {
  return `${name}=${JSON.stringify(value)?.slice(0, 256)}`;
}
