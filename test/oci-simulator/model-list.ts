import { notFound, OciFailure } from './failure.ts';
import type { RegisteredIdentity } from './identity.ts';
import { chatModels, embedModels, modelOcid } from './models.ts';
import { mayUse } from './serving.ts';

/** An item of `GET /20231130/models` (§1.3). */
interface ModelSummary {
  readonly id: string;
  readonly compartmentId: string | null;
  readonly capabilities: readonly string[];
  readonly lifecycleState: 'ACTIVE' | 'CREATING' | 'DELETED';
  readonly displayName: string;
  readonly vendor: string;
  readonly version: string;
  readonly timeCreated: string;
  readonly baseModelId?: string;
  readonly type: 'BASE' | 'CUSTOM';
  readonly timeOnDemandRetired?: string;
  readonly isLongTermSupported: boolean;
  readonly freeformTags: object;
  readonly definedTags: object;
  readonly systemTags: object;
}

export interface ModelPage {
  readonly items: readonly ModelSummary[];
  /** For `opc-next-page`. */
  readonly nextPage: string | undefined;
}

/**
 * One page of the models of the region: what can be called, and what cannot (old, custom, dedicated-only).
 *
 * @param without names that this region does not have
 */
export function listModels(
  query: URLSearchParams,
  identity: RegisteredIdentity,
  without: ReadonlySet<string> = new Set(),
): ModelPage {
  const compartmentId = query.get('compartmentId');
  if (compartmentId === null) {
    throw new OciFailure(400, 'Missing required parameter compartmentId', { code: 'MissingParameter' });
  }
  if (!mayUse(identity, compartmentId)) throw notFound();

  const found = modelsOf(compartmentId).filter((item) => matches(item, query) && !without.has(item.displayName));
  const sortBy = query.get('sortBy') === 'timeCreated' ? 'timeCreated' : 'displayName';
  found.sort((a, b) => (a[sortBy] < b[sortBy] ? -1 : 1));
  if (query.get('sortOrder') === 'DESC') found.reverse();

  const start = Number(query.get('page') ?? 0);
  const limit = Math.min(Number(query.get('limit') ?? defaultPageSize), maxPageSize);
  if (!Number.isSafeInteger(start) || start < 0 || !Number.isSafeInteger(limit) || limit < 1) {
    throw new OciFailure(400, 'Invalid page or limit', { code: 'InvalidParameter' });
  }
  const end = start + limit;
  return { items: found.slice(start, end), nextPage: end < found.length ? String(end) : undefined };
}

export function getModel(id: string): object {
  const model = modelsOf(null).find((item) => item.id === id);
  if (model === undefined) throw notFound();
  return { ...model, description: `${model.displayName} by ${model.vendor}`, timeUpdated: model.timeCreated };
}

const defaultPageSize = 10;
/** Whatever a client asks for: so that it has to follow the pages. */
const maxPageSize = 25;

function matches(item: ModelSummary, query: URLSearchParams): boolean {
  const capabilities = query.getAll('capability');
  const equal = (['vendor', 'lifecycleState', 'displayName', 'id'] as const).every(
    (name) => (query.get(name) ?? item[name]) === item[name],
  );
  return equal && (capabilities.length === 0 || capabilities.some((name) => item.capabilities.includes(name)));
}

function modelsOf(compartmentId: string | null): ModelSummary[] {
  const callable = [
    ...chatModels
      .filter(({ dedicatedOnly }) => !dedicatedOnly)
      .map(({ name, rules, retiring }) =>
        summary(name, {
          vendor: rules.vendor,
          capabilities: ['CHAT'],
          ...(retiring && { timeOnDemandRetired: '2099-01-31T00:00:00.000Z' }),
        }),
      ),
    ...embedModels.map(({ name }) => summary(name, { vendor: 'cohere', capabilities: ['TEXT_EMBEDDINGS'] })),
  ];
  return [
    ...callable,
    // The same name again: another base version, and an item for another capability.
    summary('cohere.command-r-08-2024', { version: '1.6', id: modelOcid('cohere.command-r-08-2024.older') }),
    summary('meta.llama-3.3-70b-instruct', {
      vendor: 'meta',
      capabilities: ['FINE_TUNE'],
      id: modelOcid('meta.llama-3.3-70b-instruct.fine-tune'),
    }),
    // Listed, but not to be called on demand.
    summary('cohere.command-r-16k', { timeOnDemandRetired: '2025-08-05T00:00:00.000Z' }),
    summary('meta.llama-3.1-70b-instruct', { vendor: 'meta', timeOnDemandRetired: '2025-06-05T00:00:00.000Z' }),
    summary('cohere.command', { lifecycleState: 'DELETED', timeOnDemandRetired: '2025-01-18T00:00:00.000Z' }),
    summary('google.gemini-9-pro', { vendor: 'google', lifecycleState: 'CREATING' }),
    summary('openai.gpt-image-1', { vendor: 'openai', capabilities: ['TEXT_TO_IMAGE'] }),
    summary('cohere.command-a-reasoning-08-2025', {}),
    summary('cohere.rerank.v3-5', { capabilities: ['TEXT_RERANK'] }),
    summary('support-tone-llama', {
      vendor: 'meta',
      type: 'CUSTOM',
      compartmentId,
      baseModelId: modelOcid('meta.llama-3.3-70b-instruct'),
    }),
  ];
}

function summary(displayName: string, special: Partial<ModelSummary>): ModelSummary {
  return {
    id: modelOcid(displayName),
    compartmentId: null,
    capabilities: ['CHAT'],
    lifecycleState: 'ACTIVE',
    displayName,
    vendor: 'cohere',
    version: '1.0',
    timeCreated: '2025-05-01T00:00:00.000Z',
    type: 'BASE',
    isLongTermSupported: false,
    freeformTags: {},
    definedTags: {},
    systemTags: {},
    ...special,
  };
}
