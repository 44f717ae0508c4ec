import type { CatalogModel } from '@sluice/shared/contracts/model-catalog.ts';
import { isJsonObject } from '@sluice/shared/json-object.ts';
import { listOf, textOf } from '../providers/http/wire.ts';
import type { WireObject } from '../providers/http/wire.ts';

/** What of a model's abilities makes it good for which requests, the first that it has. Others mean nothing to us. */
const modes = [
  ['CHAT', 'chat'],
  ['TEXT_EMBEDDINGS', 'embedding'],
  ['TEXT_RERANK', 'rerank'],
] as const;

/** OCI lists these like any other and does not serve them on demand, or not over its inference API (oci-wire.md §7.1). */
const notServed: readonly RegExp[] = [
  /^cohere\.rerank[.-]v3[.-]5/, // dedicated only
  /^cohere\.command-a-reasoning/, // dedicated only
  /^xai\.grok-4\.20-multi-agent/, // Responses only
  /^openai\.gpt-5\.5-pro/, // Responses only
];

const nameLengthMax = 256;
/** More than any region has; bounds what is kept of one place, and sent. */
const modelsMax = 1_000;

/**
 * The models that can be called on demand, of what `GET /20231130/models` lists (oci-wire.md §1.3): active, OCI's own,
 * and not retired. A name may be listed several times, by version and ability, and is one model here: it can be
 * called as long as any of them can. Items that are not as documented are passed over.
 *
 * @returns sorted by name
 */
export function usableModels(items: readonly unknown[], now: number): CatalogModel[] {
  const found = new Map<string, CatalogModel>();
  for (const item of items) {
    const model = isJsonObject(item) ? usableModel(item, now) : null;
    if (model === null) continue;
    const same = found.get(model.name);
    found.set(model.name, same === undefined ? model : merged(same, model));
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, modelsMax);
}

function usableModel(item: WireObject, now: number): CatalogModel | null {
  const name = textOf(item['displayName']);
  const capabilities = listOf(item['capabilities']);
  const mode = modes.find(([capability]) => capabilities.includes(capability))?.[1];
  const retiresAt = timeOf(item['timeOnDemandRetired']);
  const usable =
    item['lifecycleState'] === 'ACTIVE' &&
    item['type'] !== 'CUSTOM' && // only on a dedicated endpoint
    (retiresAt === null || retiresAt > now) &&
    /^[\x21-\x7e]+$/.test(name) &&
    name.length <= nameLengthMax &&
    !notServed.some((pattern) => pattern.test(name));
  return usable && mode !== undefined ? { name, mode, retiresAt } : null;
}

function merged(a: CatalogModel, b: CatalogModel): CatalogModel {
  const mode = modes.map(([, each]) => each).find((each) => each === a.mode || each === b.mode) ?? a.mode;
  const retiresAt = a.retiresAt === null || b.retiresAt === null ? null : Math.max(a.retiresAt, b.retiresAt);
  return { name: a.name, mode, retiresAt };
}

/** Epoch milliseconds; null: none, or none that can be read. */
function timeOf(value: unknown): number | null {
  const time = Date.parse(textOf(value));
  return Number.isNaN(time) ? null : time;
}
