import type { Behaviour } from './behaviour.ts';
import type { ChatModel } from './models.ts';
import { sampleOf } from './schema-sample.ts';
import { countTokens, hashText, nextHash, splitTokens } from './tokens.ts';
import { proseOf } from './vocabulary.ts';

/** What is to be answered: prose, a given text, or tool calls (after a text that says so, where there is a plan). */
export type Task =
  | { readonly type: 'prose' }
  | { readonly type: 'say'; readonly text: string }
  | { readonly type: 'call-tools'; readonly tools: readonly WantedTool[]; readonly plan: string };

export interface WantedTool {
  readonly name: string;
  readonly schema: unknown;
}

export interface AnswerBrief {
  /** Decides everything that is not given. */
  readonly seed: number;
  readonly task: Task;
  readonly maxTokens: number;
  readonly stop: readonly string[];
  /** The most that may be thought. Absent: as much as the behaviour says. */
  readonly thinkingMax?: number;
}

/** An answer as tokens. The formats only write it down. */
export interface Answer {
  readonly reasoning: readonly string[];
  readonly text: readonly string[];
  readonly toolCalls: readonly AnsweredToolCall[];
  /** Whether the limit ended it. */
  readonly cut: boolean;
  readonly tokens: number;
}

export interface AnsweredToolCall {
  /** 16 hexadecimal digits, from which each vendor makes its own kind of id. */
  readonly idHex: string;
  readonly name: string;
  /** The pieces of a JSON text, which is broken off when the limit cuts it. */
  readonly arguments: readonly string[];
  readonly tokens: number;
}

/** Thinks, speaks and calls tools, in this order, until the task is done or `maxTokens` are spent. */
export function makeAnswer(brief: AnswerBrief, model: Pick<ChatModel, 'reasoning'>, behaviour: Behaviour): Answer {
  let left = brief.maxTokens;
  const wantedReasoning =
    model.reasoning === 'none' ? 0 : Math.min(behaviour.reasoningTokens, brief.thinkingMax ?? Number.MAX_SAFE_INTEGER);
  const reasoning = proseOf(nextHash(brief.seed), Math.min(wantedReasoning, left));
  left -= reasoning.length;

  const wantedText = textOf(brief, left, behaviour);
  const text = wantedText.pieces.slice(0, left);
  left -= text.length;

  const toolCalls: AnsweredToolCall[] = [];
  let cut = reasoning.length < wantedReasoning || wantedText.tokens > text.length;
  const tools = brief.task.type === 'call-tools' ? brief.task.tools : [];
  for (const [nth, tool] of tools.entries()) {
    const nameTokens = countTokens(tool.name);
    const pieces = splitTokens(JSON.stringify(sampleOf(tool.schema, nth)));
    cut ||= nameTokens + pieces.length > left;
    if (nameTokens > left) break;
    const sent = pieces.slice(0, left - nameTokens);
    toolCalls.push({
      idHex: hexOf(brief.seed, nth),
      name: tool.name,
      arguments: sent,
      tokens: nameTokens + sent.length,
    });
    left -= nameTokens + sent.length;
  }
  return { reasoning, text, toolCalls, cut, tokens: brief.maxTokens - left };
}

/** `tokens` is the length without any limit; only so many pieces are made as can be sent. */
function textOf(brief: AnswerBrief, left: number, behaviour: Behaviour): { pieces: string[]; tokens: number } {
  if (brief.task.type === 'call-tools') return measured(splitTokens(brief.task.plan));
  if (brief.task.type === 'say') return measured(splitTokens(brief.task.text));
  const wanted = behaviour.outputTokens ?? 16 + (brief.seed % 49);
  const tokens = wanted;
  const prose = proseOf(brief.seed, Math.min(wanted, left));
  const end = brief.stop.length === 0 ? -1 : firstStop(prose.join(''), brief.stop);
  if (end === -1) return { pieces: prose, tokens };
  return measured(splitTokens(prose.join('').slice(0, end)));
}

function measured(pieces: string[]): { pieces: string[]; tokens: number } {
  return { pieces, tokens: pieces.length };
}

function firstStop(text: string, stop: readonly string[]): number {
  const found = stop
    .filter(Boolean)
    .map((word) => text.indexOf(word))
    .filter((at) => at >= 0);
  return found.length === 0 ? -1 : Math.min(...found);
}

function hexOf(seed: number, nth: number): string {
  const high = nextHash(hashText(String(nth), seed));
  return [high, nextHash(high)].map((part) => part.toString(16).padStart(8, '0')).join('');
}
