import type { AnsweredToolCall, Answer } from '../answer.ts';
import type { Behaviour } from '../behaviour.ts';
import type { FamilyRules, ToolStyle } from '../families.ts';
import type { Outcome } from './chat-format.ts';
import { genericLogProbs } from './log-probs.ts';
import { usageOf } from './usage.ts';

/** What a GENERIC answer needs to know besides itself. */
export interface GenericOptions {
  readonly rules: FamilyRules;
  readonly showsReasoning: boolean;
  /** Whether a stream tells its usage. */
  readonly tellsUsage: boolean;
  /** How many likeliest tokens were asked for; 0: no probabilities. */
  readonly logProbs: number;
}

/** A whole GENERIC answer (§3.4). */
export function genericResponse(outcome: Outcome, options: GenericOptions, behaviour: Behaviour): object {
  const { rules, logProbs } = options;
  return {
    apiFormat: 'GENERIC',
    timeCreated: new Date(outcome.at).toISOString(),
    choices: outcome.answers.map((answer, index) => ({
      ...(!behaviour.omitIndex && { index }),
      ...messageOf(answer, options, behaviour),
      finishReason: finishReasonOf(answer, rules, behaviour),
      logprobs: logProbs > 0 && !behaviour.refuse ? genericLogProbs(answer.text, logProbs, 0) : {},
      ...(behaviour.citations && { groundingMetadata }),
      ...(rules.serviceTier !== null && { serviceTier: rules.serviceTier }),
    })),
    usage: usageOf(outcome, rules.usage),
  };
}

export function finishReasonOf(answer: Answer, rules: FamilyRules, { finishWord }: Behaviour): string {
  if (finishWord !== null) return finishWord;
  if (answer.cut) return rules.cutWord;
  return answer.toolCalls.length > 0 ? 'tool_calls' : 'stop';
}

/** The first word, as what a page says. */
export function annotationsOf([word = '']: readonly string[]): object[] {
  const urlCitation = { startIndex: 0, endIndex: word.length, title: 'Sluices', url: 'https://example.com/sluice' };
  return [{ type: 'url_citation', urlCitation }];
}

export const groundingMetadata = {
  webSearchQueries: ['sluice'],
  groundingChunks: [{ web: { uri: 'https://example.com/sluice', title: 'Sluices', domain: 'example.com' } }],
};

/** The beginning of a tool call on the wire; its arguments come behind. */
export function toolCallHead(call: AnsweredToolCall, style: ToolStyle): object {
  const id = idWriters[style](call.idHex);
  return id === undefined ? { type: 'FUNCTION', name: call.name } : { type: 'FUNCTION', id, name: call.name };
}

const idWriters: Readonly<Record<ToolStyle, (hex: string) => string | undefined>> = {
  whole: (hex) => `call_${Number.parseInt(hex.slice(-7), 16)}`,
  'whole-without-id': () => undefined,
  fragments: (hex) => `chatcmpl-tool-${hex}`,
  'fragments-opened-empty': (hex) => `call_${hex}`,
};

/** Without any text or call there is no message at all: reasoning ate the budget. */
function messageOf(
  answer: Answer,
  { rules, showsReasoning }: GenericOptions,
  { refuse, citations }: Behaviour,
): { message?: object } {
  const { reasoning, text, toolCalls } = answer;
  if (text.length === 0 && toolCalls.length === 0 && reasoning.length > 0 && !showsReasoning) return {};
  const isSilent = refuse || (text.length === 0 && toolCalls.length > 0);
  const content = isSilent ? null : [{ type: 'TEXT', text: text.join('') }];
  return {
    message: {
      role: 'ASSISTANT',
      content,
      ...(refuse && { refusal: text.join('') }),
      ...(citations && { annotations: annotationsOf(text) }),
      ...(showsReasoning && reasoning.length > 0 && { reasoningContent: reasoning.join('') }),
      toolCalls: toolCalls.map((call) =>
        Object.assign(toolCallHead(call, rules.tools), { arguments: call.arguments.join('') }),
      ),
    },
  };
}
