import type { FinishReason, TokenLogProb } from '@sluice/shared/contracts/token-event.ts';
import type { AnswerBatch } from '../../stream/open-answer.ts';
import { throwAnswerError } from '../../stream/answer-failure.ts';
import type { AnswerSummary } from '../../stream/answer-summary.ts';
import { addProviderFields, openAiLogProbs, urlCitationAnnotation } from './answer-details.ts';
import { openAiUsage } from './usage.ts';

interface Choice {
  text: string;
  hasText: boolean;
  reasoning: string;
  refusal: string;
  logProbs: TokenLogProb[];
  annotations: Record<string, unknown>[];
  providerFields: Map<string, unknown>;
  toolCalls: Map<number, { id: string; name: string; arguments: string }>;
  finishReason: FinishReason;
}

/**
 * A whole chat completion from an answer's events.
 * @throws GatewayError when the answer failed
 */
export async function collectCompletion(
  answer: AsyncIterable<AnswerBatch>,
  summary: AnswerSummary,
  envelope: { id: string; created: number },
): Promise<Record<string, unknown>> {
  const choices = new Map<number, Choice>();
  for await (const batch of answer) {
    for (const event of batch) {
      summary.note(event);
      switch (event.type) {
        case 'restart':
          choices.clear();
          break;
        case 'text-delta': {
          const choice = choiceAt(choices, event.choice);
          choice.text += event.text;
          choice.hasText = true;
          break;
        }
        case 'reasoning-delta':
          choiceAt(choices, event.choice).reasoning += event.text;
          break;
        case 'refusal-delta':
          choiceAt(choices, event.choice).refusal += event.text;
          break;
        case 'logprobs': {
          const { logProbs } = choiceAt(choices, event.choice);
          for (const token of event.tokens) logProbs.push(token);
          break;
        }
        case 'url-citation':
          choiceAt(choices, event.choice).annotations.push(urlCitationAnnotation(event));
          break;
        case 'provider-fields':
          addProviderFields(choiceAt(choices, event.choice).providerFields, event.fields);
          break;
        case 'tool-call-delta': {
          const { toolCalls } = choiceAt(choices, event.choice);
          const call = toolCalls.get(event.toolCall) ?? { id: '', name: '', arguments: '' };
          toolCalls.set(event.toolCall, call);
          call.id = event.id ?? call.id;
          call.name = event.name ?? call.name;
          call.arguments += event.arguments;
          break;
        }
        case 'choice-end':
          choiceAt(choices, event.choice).finishReason = event.finishReason;
          break;
        case 'answer-error':
          throwAnswerError(event);
          break;
        case 'answer-start':
        case 'answer-end':
        case 'embedding':
        case 'rank':
        case 'moderation':
          break;
      }
    }
  }
  return {
    id: envelope.id,
    object: 'chat.completion',
    created: envelope.created,
    model: summary.modelName,
    choices: inOrder(choices).map(([index, choice]) => toChoice(choice, index)),
    usage: openAiUsage(summary.usage),
    system_fingerprint: null,
  };
}

function choiceAt(choices: Map<number, Choice>, index: number): Choice {
  const known = choices.get(index);
  if (known) return known;
  const choice: Choice = {
    text: '',
    hasText: false,
    reasoning: '',
    refusal: '',
    logProbs: [],
    annotations: [],
    providerFields: new Map(),
    toolCalls: new Map(),
    finishReason: 'stop',
  };
  choices.set(index, choice);
  return choice;
}

function inOrder<T>(byIndex: ReadonlyMap<number, T>): [number, T][] {
  return [...byIndex].toSorted(([one], [other]) => one - other);
}

function toChoice(choice: Choice, index: number): Record<string, unknown> {
  const toolCalls = inOrder(choice.toolCalls);
  const { refusal, annotations, providerFields } = choice;
  return {
    index,
    message: {
      role: 'assistant',
      content: choice.hasText || (toolCalls.length === 0 && refusal === '') ? choice.text : null,
      ...(choice.reasoning !== '' && { reasoning_content: choice.reasoning }),
      ...(toolCalls.length > 0 && {
        tool_calls: toolCalls.map(([, call]) => ({
          id: call.id,
          type: 'function',
          function: { name: call.name, arguments: call.arguments },
        })),
      }),
      refusal: refusal === '' ? null : refusal,
      ...(annotations.length > 0 && { annotations }),
      ...(providerFields.size > 0 && { provider_specific_fields: Object.fromEntries(providerFields) }),
    },
    logprobs: choice.logProbs.length > 0 ? openAiLogProbs(choice.logProbs) : null,
    finish_reason: choice.finishReason,
  };
}
