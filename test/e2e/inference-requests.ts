import { loadPriceBook } from '@sluice/shared/prices/price-book.ts';
import { endpointOcid } from '../oci-simulator/models.ts';

const rerankModel = 'cohere.rerank.v3-5';
const dedicated = {
  model: `oci/${rerankModel}`,
  oci_serving_mode: 'DEDICATED',
  oci_endpoint_id: endpointOcid(rerankModel),
};
export const models = {
  rank: { ...dedicated, input_cost_per_query: 0.002 },
  'rank-by-tokens': { ...dedicated, input_cost_per_token: 1e-7 },
  'rank-unpriced': dedicated,
  'rank-on-demand': { model: `oci/${rerankModel}`, input_cost_per_query: 0.002 },
  guard: { model: 'oci/guardrails', input_cost_per_token: 1e-7 },
  'guard-1.0': { model: 'oci/guardrails-1.0', input_cost_per_token: 0, categories: ['prompt_injection', 'pii'] },
  'embed-english': { model: 'oci/cohere.embed-english-v3.0' },
};
/** Nano-USD. */
export const searchPrice = 2_000_000;
const tokenPrice = 100;
const defaultSearchPrice = loadPriceBook().defaultPrice.searchNanoUsd ?? 0;

export const documents = ['The mill stands still.', 'A river and its gate.', 'The gate is closed.'];
export const search = { query: 'river gate', documents };
export const picture = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUg==';
export const prompt = 'Tell me about the sea. #sim {"outputTokens":30}';

/** As the gateway estimates where the provider does not count. */
const estimateOf = (texts: readonly string[]) => Math.ceil(texts.join('').length / 4) + texts.length * 4;
const rerankTokens = estimateOf(documents) + documents.length * Math.ceil(search.query.length / 4);

const many = Array.from({ length: 101 }, (_, index) => `document ${index}`);
/** One request for each price, and what its row says. */
export const booked: readonly {
  what: string;
  path: string;
  body: object;
  callType: string;
  model: string;
  tokens: readonly [input: number, output: number] | null;
  cost: number | null;
  source?: string;
  estimated: boolean;
  searchUnits?: number;
}[] = [
  {
    what: 'a rerank by the search',
    path: '/v2/rerank',
    body: { model: 'rank', ...search },
    callType: 'arerank',
    model: `oci/${rerankModel}`,
    tokens: [rerankTokens, 0],
    cost: searchPrice,
    estimated: true,
    searchUnits: 1,
  },
  {
    what: 'a rerank of 101 documents',
    path: '/v2/rerank',
    body: { model: 'rank', query: 'gate', documents: many },
    callType: 'arerank',
    model: `oci/${rerankModel}`,
    tokens: [estimateOf(many) + many.length, 0],
    cost: 2 * searchPrice,
    estimated: true,
    searchUnits: 2,
  },
  {
    what: 'a rerank by tokens',
    path: '/rerank',
    body: { model: 'rank-by-tokens', ...search },
    callType: 'arerank',
    model: `oci/${rerankModel}`,
    tokens: [rerankTokens, 0],
    cost: rerankTokens * tokenPrice,
    estimated: true,
    searchUnits: 1,
  },
  {
    what: 'a rerank that nobody priced',
    path: '/rerank',
    body: { model: 'rank-unpriced', ...search },
    callType: 'arerank',
    model: `oci/${rerankModel}`,
    tokens: [rerankTokens, 0],
    cost: defaultSearchPrice,
    source: 'default',
    estimated: true,
    searchUnits: 1,
  },
  {
    what: 'moderations',
    path: '/v1/moderations',
    body: { input: ['abcd', 'efgh'] },
    callType: 'amoderation',
    model: 'oci/guardrails',
    tokens: [estimateOf(['abcd', 'efgh']), 0],
    cost: estimateOf(['abcd', 'efgh']) * tokenPrice,
    estimated: true,
  },
  {
    what: 'a completion',
    path: '/v1/completions',
    body: { model: 'llama', prompt, max_tokens: 100 },
    callType: 'atext_completion',
    model: 'oci/meta.llama-3.3-70b-instruct',
    tokens: null,
    cost: null,
    source: loadPriceBook().version,
    estimated: false,
  },
];
