import { isJsonObject } from '@sluice/shared/json-object.ts';
import type { ProviderEvent } from '../../provider.ts';
import { ociFailures } from '../errors.ts';
import { countOf, listOf, textOf } from '../../http/wire.ts';
import type { WireObject } from '../../http/wire.ts';

type Moderation = Extract<ProviderEvent, { type: 'moderation' }>;

/** More of them say nothing new, and an event has to fit a frame. */
const entitiesMax = 1_000;
const labelLengthMax = 64;

/**
 * One applyGuardrails answer as an event (oci-wire.md §5.3).
 *
 * @param wanted the categories asked for, lower case
 * @throws ProviderError when a section that was asked for is missing: silence must not pass for innocence
 */
export function fromGuardrailsResponse(result: WireObject, index: number, wanted: readonly string[]): Moderation {
  const results = isJsonObject(result['results']) ? result['results'] : {};
  const { contentModeration, promptInjection, personallyIdentifiableInformation: pii } = results;
  const categories: { name: string; score: number }[] = [];
  let entities: Moderation['entities'] = [];

  if (wanted.some((name) => name !== 'prompt_injection' && name !== 'pii')) {
    const scored = isJsonObject(contentModeration) ? listOf(contentModeration['categories']).filter(isJsonObject) : [];
    for (const category of scored) {
      categories.push({ name: textOf(category['name']).toLowerCase(), score: scoreOf(category, 'content') });
    }
    if (scored.length === 0) throw missing('content');
  }
  if (wanted.includes('prompt_injection')) {
    if (!isJsonObject(promptInjection)) throw missing('prompt injection');
    categories.push({ name: 'prompt_injection', score: scoreOf(promptInjection, 'prompt injection') });
  }
  if (wanted.includes('pii')) {
    if (!Array.isArray(pii)) throw missing('personal data');
    const found = pii.filter(isJsonObject).map(entityOf);
    categories.push({ name: 'pii', score: found.reduce((most, { score }) => Math.max(most, score), 0) });
    entities = found.slice(0, entitiesMax);
  }
  return { type: 'moderation', index, categories, entities };
}

function entityOf(entity: WireObject): Moderation['entities'][number] {
  return {
    label: textOf(entity['label']).slice(0, labelLengthMax),
    offset: countOf(entity['offset']) ?? 0,
    length: countOf(entity['length']) ?? 0,
    score: scoreOf(entity, 'personal data'),
  };
}

function scoreOf({ score }: WireObject, section: string): number {
  if (typeof score !== 'number' || !Number.isFinite(score)) throw missing(section);
  return score;
}

function missing(section: string) {
  return ociFailures.brokenAnswer(`The guardrails gave no result for ${section}.`, null);
}
