import type { AnsweredToolCall, Answer } from '../answer.ts';
import type { FamilyRules, ToolStyle } from '../families.ts';
import type { Outcome } from './chat-format.ts';
import { usageOf } from './usage.ts';

/** What a GENERIC answer needs to know besides itself. */
export interface GenericOptions {
  readonly rules: FamilyRules;
  readonly showsReasoning: boolean;
  /** Whether a stream tells its usage. */
  readonly tellsUsage: boolean;
}

/** A whole GENERIC answer (§3.4). */
export function genericResponse(outcome: Outcome, options: GenericOptions): object {
  const { rules } = options;
  return {
    apiFormat: 'GENERIC',
    timeCreated: new Date(outcome.at).toISOString(),
    choices: outcome.answers.map((answer, index) => ({
      index,
      ...messageOf(answer, options),
      finishReason: finishReasonOf(answer, rules),
      logprobs: {},
      ...(rules.serviceTier !== null && { serviceTier: rules.serviceTier }),
    })),
    usage: usageOf(outcome, rules.usage),
  };
}

export function finishReasonOf(answer: Answer, rules: FamilyRules): string {
  if (answer.cut) return rules.cutWord;
  return answer.toolCalls.length > 0 ? 'tool_calls' : 'stop';
}

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
function messageOf(answer: Answer, { rules, showsReasoning }: GenericOptions): { message?: object } {
  const { reasoning, text, toolCalls } = answer;
  if (text.length === 0 && toolCalls.length === 0 && reasoning.length > 0 && !showsReasoning) return {};
  const content = text.length === 0 && toolCalls.length > 0 ? null : [{ type: 'TEXT', text: text.join('') }];
  return {
    message: {
      role: 'ASSISTANT',
      content,
      ...(showsReasoning && reasoning.length > 0 && { reasoningContent: reasoning.join('') }),
      toolCalls: toolCalls.map((call) =>
        Object.assign(toolCallHead(call, rules.tools), { arguments: call.arguments.join('') }),
      ),
    },
  };
}
