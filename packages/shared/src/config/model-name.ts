import { dialects, providerNames } from './providers.ts';
import type { Section } from './section.ts';

const maxLength = 512;

export interface ModelName {
  readonly provider: string;
  /** As the provider names it; may hold a `*`. */
  readonly upstreamModel: string;
}

/**
 * Whether a provider may have a model of this name. It goes into addresses, and with wildcards clients choose it: no
 * part of it may mean another folder.
 */
export function isModelName(name: string): boolean {
  return /^[\x21-\x7e]+$/.test(name) && name.length <= maxLength && !/(?:^|\/)\.{1,2}(?:\/|$)/.test(name);
}

/**
 * `model`, taken apart: `oci/xai.grok-4`, or `xai.grok-4` with `custom_llm_provider: oci`.
 *
 * @returns null when it is wrong, which is reported
 */
export function readModelName(params: Section): ModelName | null {
  const model = params.string('model');
  const named = params.oneOf('custom_llm_provider', providerNames);
  if (model === null) {
    if (!params.has('model')) params.problem('model', 'missing; expected a provider and a model, as in oci/xai.grok-4');
    return null;
  }
  if (named === null && params.has('custom_llm_provider')) return null;
  const prefix = model.slice(0, Math.max(0, model.indexOf('/')));
  const provider = named ?? prefix;
  const upstreamModel = prefix === provider ? model.slice(provider.length + 1) : model;
  if (named === null && prefix !== 'oci' && !Object.hasOwn(dialects, prefix)) {
    const known = providerNames.map((name) => `${name}/`).join(', ');
    params.problem(
      'model',
      `expected a provider and a model, as in oci/xai.grok-4, got ${params.got('model')}; ${known} are known`,
    );
  } else if (!isModelName(upstreamModel)) {
    params.problem('model', 'expected the name of a model after its provider, without spaces');
  } else return { provider, upstreamModel };
  return null;
}
