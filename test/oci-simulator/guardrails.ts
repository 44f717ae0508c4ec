import type { AdmitDeps } from './admit.ts';
import { answerWhole } from './answer-whole.ts';
import { isFields, isList, isText, isTextOf, isWord, type Checked } from './checks.ts';
import { parseBody, type Exchange } from './exchange.ts';
import { notFound, OciFailure } from './failure.ts';
import { mayUse } from './serving.ts';
import { countTokens } from './tokens.ts';

const isName = isTextOf(1, 64);

/** Text alone: pictures and `multimodalInput` are not simulated. */
const isGuardrailsDetails = isFields(
  {
    compartmentId: isText,
    input: isFields({ type: isWord('TEXT'), content: isText }, { languageCode: isText }),
    guardrailConfigs: isFields(
      {},
      {
        contentModerationConfig: isFields({ categories: isList(isName, 1) }, {}),
        personallyIdentifiableInformationConfig: isFields({ types: isList(isName, 1) }, {}),
        promptInjectionConfig: isFields({}, {}),
      },
    ),
  },
  { guardrailVersionConfig: isFields({ guardrailVersion: isText }, {}) },
);
type GuardrailsDetails = Checked<typeof isGuardrailsDetails>;

/** `POST /20231130/actions/applyGuardrails` (§5.3) */
export async function applyGuardrails(deps: AdmitDeps, exchange: Exchange): Promise<void> {
  const details = parseBody(exchange.body, isGuardrailsDetails);
  if (!mayUse(exchange.identity, details.compartmentId)) throw notFound();
  if (!Object.values(details.guardrailConfigs).some((config) => config !== null)) {
    throw new OciFailure(400, 'guardrailConfigs must not be empty');
  }
  const version = versionOf(details);
  const { content } = details.input;
  const applicant = {
    model: `guardrails-${version}`,
    format: 'GUARDRAILS',
    steeringText: content,
    promptTokens: countTokens(content),
  } as const;
  return answerWhole(deps, exchange, applicant, () => responseJson(details, version));
}

/** The newest last. */
const versions = ['1.0.0', '1.0.1', '1.1.0'];

/** Without its patch number a version is the newest patch. */
function versionOf({ guardrailVersionConfig: asked }: GuardrailsDetails): string {
  const wanted = asked?.guardrailVersion ?? '';
  const found = versions.findLast((version) => wanted === '' || version === wanted || version.startsWith(`${wanted}.`));
  if (found === undefined) throw new OciFailure(400, `Guardrail version ${wanted} does not exist`);
  return found;
}

/** Only what was configured comes back. */
function responseJson({ input: { content }, guardrailConfigs: configs }: GuardrailsDetails, version: string): string {
  const categories = configs.contentModerationConfig?.categories;
  const types = configs.personallyIdentifiableInformationConfig?.types;
  return JSON.stringify({
    results: {
      ...(categories && {
        contentModeration: { categories: categories.map((name) => ({ name, score: contentScore(name, content) })) },
      }),
      ...(types && { personallyIdentifiableInformation: types.flatMap((type) => entitiesOf(type, content)) }),
      ...(configs.promptInjectionConfig && { promptInjection: { score: isInjection.test(content) ? 1 : 0 } }),
    },
    guardrailVersion: { version },
  });
}

const words: Readonly<Record<string, RegExp>> = {
  HATE: /\bhate\b/i,
  VIOLENCE: /\b(kill|bomb)\b/i,
  HARASSMENT: /\bstupid\b/i,
};
const isInjection = /ignore (all )?(previous|prior) instructions/i;

/** Binary, and BLOCKLIST always 0. */
function contentScore(category: string, text: string): number {
  const found =
    category === 'OVERALL' ? Object.values(words).some((word) => word.test(text)) : words[category]?.test(text);
  return found === true ? 1 : 0;
}

const personal: Readonly<Record<string, RegExp>> = {
  PERSON: /\b(Jane|John) [A-Z][a-z]+\b/g,
  EMAIL: /\b[\w.+-]+@[\w-]+\.\w+\b/g,
  TELEPHONE_NUMBER: /\+\d[\d -]{7,}\d/g,
};

function entitiesOf(type: string, content: string) {
  const pattern = personal[type];
  return [...(pattern === undefined ? [] : content.matchAll(pattern))].map(({ 0: text, index: offset }) => ({
    length: text.length,
    offset,
    text,
    label: type,
    score: 0.9990621507167816,
  }));
}
