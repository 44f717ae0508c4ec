import { randomUUID } from 'node:crypto';
import type { AdmitDeps } from './admit.ts';
import { answerWhole } from './answer-whole.ts';
import { isFields, isFlag, isInteger, isList, isText, isTextOf, type Checked } from './checks.ts';
import { parseBody, type Exchange } from './exchange.ts';
import { notFound, OciFailure } from './failure.ts';
import { findRerankModel } from './models.ts';
import { isServingMode, mayUse, servedModel } from './serving.ts';
import { countTokens, hashText } from './tokens.ts';

const isRerankDetails = isFields(
  {
    compartmentId: isText,
    servingMode: isServingMode,
    input: isTextOf(1, 1_000_000),
    documents: isList(isText, 1, 10_000),
  },
  {
    topN: isInteger(1, 1_000_000),
    isEcho: isFlag,
    maxChunksPerDocument: isInteger(1, 1_000_000),
    maxTokensPerDocument: isInteger(1, 1_000_000),
  },
);
type RerankDetails = Checked<typeof isRerankDetails>;

/** `POST /20231130/actions/rerankText` (§5.2) */
export async function rerankText(deps: AdmitDeps, exchange: Exchange): Promise<void> {
  const { body, identity } = exchange;
  const details = parseBody(body, isRerankDetails);
  if (!mayUse(identity, details.compartmentId)) throw notFound();
  const model = findRerankModel(servedModel(details.servingMode));
  if (model === undefined) throw notFound();
  if (details.servingMode.servingType === 'ON_DEMAND') {
    throw new OciFailure(400, `Model ${model} is served by dedicated AI clusters only`);
  }
  const { documents, input } = details;
  const query = countTokens(input);
  const applicant = {
    model,
    format: 'RERANK',
    steeringText: input,
    promptTokens: documents.reduce((sum, document) => sum + query + countTokens(document), 0),
    searchUnits: Math.ceil(documents.length / documentsPerSearch),
  } as const;
  return answerWhole(deps, exchange, applicant, () => responseJson(details, model));
}

const documentsPerSearch = 100;

function responseJson({ documents, input, topN, isEcho }: RerankDetails, model: string): string {
  const ranks = documents
    .map((text, index) => ({
      index,
      relevanceScore: relevance(input, text),
      ...(isEcho === true && { document: { text } }),
    }))
    .toSorted((one, other) => other.relevanceScore - one.relevanceScore || one.index - other.index);
  return JSON.stringify({
    id: randomUUID(),
    modelId: model,
    modelVersion: '1.0',
    documentRanks: ranks.slice(0, topN ?? ranks.length),
  });
}

/** The share of the query's words that the document has, and a trace of the text itself against ties. */
function relevance(query: string, document: string): number {
  const words = new Set(wordsOf(query));
  const found = new Set(wordsOf(document)).intersection(words);
  const share = words.size === 0 ? 0 : found.size / words.size;
  return share * 0.98 + (hashText(document) / 2 ** 32) * 0.01;
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}
