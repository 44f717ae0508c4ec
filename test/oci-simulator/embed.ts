import { randomUUID } from 'node:crypto';
import type { AdmitDeps } from './admit.ts';
import { answerWhole } from './answer-whole.ts';
import { isFields, isFlag, isInteger, isList, isTagged, isText, isWord, type Checked } from './checks.ts';
import { embeddingJson } from './embedding.ts';
import { parseBody, type Exchange } from './exchange.ts';
import { notFound, OciFailure } from './failure.ts';
import { findEmbedModel, type EmbedModel } from './models.ts';
import { isServingMode, mayUse, servedModel } from './serving.ts';
import { attachmentTokens, countTokens } from './tokens.ts';

const isContent = isTagged('type', {
  TEXT: isFields({ type: isWord('TEXT'), text: isText }, {}),
  IMAGE: isFields({ type: isWord('IMAGE'), imageUrl: isFields({ url: isText }, { detail: isText }) }, {}),
});

const isEmbedDetails = isFields(
  { compartmentId: isText, servingMode: isServingMode },
  {
    inputs: isList(isText),
    embedContents: isList(isContent),
    truncate: isWord('NONE', 'START', 'END'),
    inputType: isWord('SEARCH_DOCUMENT', 'SEARCH_QUERY', 'CLASSIFICATION', 'CLUSTERING', 'IMAGE'),
    embeddingTypes: isList(isWord('float', 'int8', 'uint8', 'binary', 'ubinary', 'base64'), 1),
    outputDimensions: isInteger(1, 1_000_000),
    isEcho: isFlag,
  },
);
type EmbedDetails = Checked<typeof isEmbedDetails>;

interface EmbedInput {
  readonly text: string;
  readonly tokens: number;
}

/** `POST /20231130/actions/embedText` (§5.1) */
export async function embedText(deps: AdmitDeps, exchange: Exchange): Promise<void> {
  const { body, identity } = exchange;
  const details = parseBody(body, isEmbedDetails);
  if (!mayUse(identity, details.compartmentId)) throw notFound();
  const model = findEmbedModel(servedModel(details.servingMode));
  if (model === undefined) throw notFound();
  const dimensions = dimensionsOf(details, model);
  const inputs = inputsOf(details, model);
  const promptTokens = inputs.reduce((sum, { tokens }) => sum + tokens, 0);

  const applicant = { model: model.name, format: 'EMBED', steeringText: inputs[0]?.text ?? '', promptTokens } as const;
  return answerWhole(deps, exchange, applicant, () => responseJson(details, model, inputs, dimensions));
}

const maxInputs = 96;

/** @throws OciFailure 400 */
function inputsOf(details: EmbedDetails, model: EmbedModel): EmbedInput[] {
  const contents = details.embedContents ?? (details.inputs ?? []).map((text) => asContent(text, details));
  if (contents.length === 0) throw new OciFailure(400, 'inputs must not be empty');
  if (contents.length > maxInputs) {
    throw new OciFailure(400, `inputs must have at most ${maxInputs} elements, got ${contents.length}`);
  }
  const images = contents.filter(({ type }) => type === 'IMAGE').length;
  if (images > 0 && (!model.images || contents.length > 1)) {
    throw new OciFailure(400, `Model ${model.name} takes one image per request, if it takes any`);
  }
  return contents.map((content) => {
    if (content.type === 'IMAGE') {
      if (!/^data:image\/[\w.+-]+;base64,/.test(content.imageUrl.url)) {
        throw new OciFailure(400, 'An image must be a base64 data URI');
      }
      return { text: content.imageUrl.url, tokens: Math.min(attachmentTokens, content.imageUrl.url.length) };
    }
    const tokens = countTokens(content.text);
    if (tokens <= model.maxInputTokens) return { text: content.text, tokens };
    if ((details.truncate ?? 'NONE') !== 'NONE') return { text: content.text, tokens: model.maxInputTokens };
    throw new OciFailure(
      400,
      `An input has ${tokens} tokens; model ${model.name} takes at most ${model.maxInputTokens}`,
    );
  });
}

function asContent(text: string, { inputType }: EmbedDetails): Checked<typeof isContent> {
  return inputType === 'IMAGE' ? { type: 'IMAGE', imageUrl: { url: text } } : { type: 'TEXT', text };
}

function dimensionsOf({ outputDimensions }: EmbedDetails, model: EmbedModel): number {
  const dimensions = outputDimensions ?? model.dimensions;
  if (dimensions === model.dimensions || model.otherDimensions.includes(dimensions)) return dimensions;
  throw new OciFailure(400, `outputDimensions ${dimensions} is not supported by model ${model.name}`);
}

/** Put together from texts: the vectors are by far the most of it, and are kept as text. */
function responseJson(
  details: EmbedDetails,
  model: EmbedModel,
  inputs: readonly EmbedInput[],
  dimensions: number,
): string {
  const types = details.embeddingTypes ?? ['float'];
  const listOf = (type: (typeof types)[number]): string =>
    `[${inputs.map(({ text }) => embeddingJson(text, dimensions, type)).join(',')}]`;
  const promptTokens = inputs.reduce((sum, { tokens }) => sum + tokens, 0);
  const fields = {
    id: JSON.stringify(randomUUID()),
    ...(details.isEcho === true && details.inputs && { inputs: JSON.stringify(details.inputs) }),
    ...(details.isEcho === true && details.embedContents && { embedContents: JSON.stringify(details.embedContents) }),
    embeddings: types.includes('float') ? listOf('float') : '[]',
    ...(details.embeddingTypes && {
      embeddingsByType: `{${types.map((type) => `"${type}":${listOf(type)}`).join(',')}}`,
    }),
    modelId: JSON.stringify(model.name),
    modelVersion: '"1.0"',
    usage: JSON.stringify({ promptTokens, completionTokens: 0, totalTokens: promptTokens }),
    inputTextTokenCounts: JSON.stringify(inputs.map(({ tokens }) => tokens)),
  };
  return `{${Object.entries(fields)
    .map(([name, json]) => `"${name}":${json}`)
    .join(',')}}`;
}
