import { parseExactly } from '../../services/worker/src/providers/http/exact-json.ts';
import type { ApiFormat } from '../../services/worker/src/providers/oci/model-family.ts';

/** An answer as it was meant, before a vendor puts it on the wire. */
export interface MeantAnswer {
  /** One for Cohere's formats. */
  readonly choices: readonly MeantChoice[];
  readonly counts: {
    readonly prompt: number;
    readonly written: number;
    readonly thought: number;
    readonly cached: number;
  };
  /** How the vendor adds up: thoughts inside `completionTokens`, outside, or outside and left out when it is zero. */
  readonly usageStyle: 'inside' | 'outside' | 'sparse';
}

export interface MeantChoice {
  readonly reasoning: readonly string[];
  readonly text: readonly string[];
  /** One for each text. */
  readonly logProbs: readonly number[];
  readonly refusal: string;
  readonly calls: readonly MeantCall[];
  /** In the words of the format. */
  readonly finishWord: string;
}

export interface MeantCall {
  /** Null where the vendor gives none. */
  readonly id: string | null;
  readonly name: string;
  /** The JSON text of an object; empty where the vendor leaves out what is empty. */
  readonly arguments: string;
}

/** Numbers below a bound, from whatever decides the manner of a vendor. */
export type Choose = (below: number) => number;

/** The `chatResponse` of a whole answer. */
export function wholeAnswer(format: ApiFormat, answer: MeantAnswer): Record<string, unknown> {
  const [first] = answer.choices;
  const usage = usageOf(answer);
  switch (format) {
    case 'GENERIC':
      return {
        choices: answer.choices.map(({ reasoning, text, logProbs, refusal, calls, finishWord }, index) => ({
          index,
          message: {
            role: 'ASSISTANT',
            content: [{ type: 'TEXT', text: text.join('') }],
            reasoningContent: reasoning.join(''),
            refusal,
            toolCalls: calls.map((call) => ({ type: 'FUNCTION', ...sentFields(call) })),
          },
          ...(logProbs.length > 0 && { logprobs: { tokens: text, tokenLogprobs: logProbs } }),
          finishReason: finishWord,
        })),
        usage,
      };
    case 'COHERE':
      return { text: first?.text.join(''), ...cohereCalls(first), finishReason: first?.finishWord, usage };
    case 'COHEREV2':
      return {
        message: {
          role: 'ASSISTANT',
          content: [
            { type: 'THINKING', thinking: first?.reasoning.join('') },
            { type: 'TEXT', text: first?.text.join('') },
          ],
          toolCalls: (first?.calls ?? []).map((call) => nested(sentFields(call))),
        },
        ...logProbabilities(first, first?.text.map((text, at) => ({ text, at })) ?? []),
        finishReason: first?.finishWord,
        usage,
      };
  }
}

/** The same as a stream's bytes, in one of the manners of §4. */
export function streamedAnswer(format: ApiFormat, answer: MeantAnswer, choose: Choose): Buffer {
  const events = { GENERIC: genericEvents, COHERE: cohereEvents, COHEREV2: cohereV2Events }[format](answer, choose);
  const newline = choose(2) === 0 ? '\n' : '\r\n';
  const payloads = events.map((event) =>
    JSON.stringify({ apiFormat: format, ...event, pad: 'a'.repeat(1 + choose(11)) }),
  );
  if (choose(2) === 0) payloads.push('[DONE]');
  const comment = () => (choose(4) === 0 ? `: ping${newline}${newline}` : '');
  return Buffer.from(payloads.map((payload) => `${comment()}data: ${payload}${newline}${newline}`).join(''));
}

function genericEvents(answer: MeantAnswer, choose: Choose): object[] {
  const omitsIndex = answer.choices.length === 1 && choose(2) === 0;
  const lines = answer.choices.map((choice, index) => {
    const at = omitsIndex ? {} : { index };
    const piece = (fields: object) => ({ ...at, message: { role: 'ASSISTANT', ...fields } });
    const events: object[] = [
      ...choice.reasoning.map((reasoningContent) => piece({ reasoningContent })),
      ...grouped(choice.text, choose).map((texts) => ({
        ...piece({ content: texts.map(({ text }) => ({ type: 'TEXT', text })) }),
        ...(choice.logProbs.length > 0 && {
          logprobs: {
            tokens: texts.map(({ text }) => text),
            tokenLogprobs: texts.map(({ at: nth }) => choice.logProbs[nth]),
          },
        }),
      })),
      ...cutAnywhere(choice.refusal, choose).map((refusal) => piece({ refusal })),
      ...callEvents(choice.calls, choose).map((calls) =>
        piece({ toolCalls: calls.map((fields) => ({ type: 'FUNCTION', ...fields })) }),
      ),
    ];
    const finishReason = choice.finishWord;
    const last = events.pop();
    if (last && choose(2) === 0) return [...events, { ...last, finishReason }];
    return [...events, ...(last ? [last] : []), { ...at, finishReason }];
  });
  return [...interleaved(lines, choose), { usage: usageOf(answer) }];
}

function cohereEvents(answer: MeantAnswer, choose: Choose): object[] {
  const [choice] = answer.choices;
  const text = choice?.text.join('') ?? '';
  const calls = cohereCalls(choice);
  const events: object[] = (choice?.text ?? []).map((piece) => ({ text: piece }));
  if (calls.toolCalls && choose(2) === 0) events.push({ text, ...calls });
  const repeated = events.length > 0 && choose(2) === 0 ? '' : text;
  const summary = { text: repeated, chatHistory: [{ role: 'CHATBOT', message: text }], ...calls };
  const finish = { finishReason: choice?.finishWord, usage: usageOf(answer) };
  const end = choose(2) === 0 ? [{ ...summary, ...finish }] : [summary, finish];
  return [...events, ...end];
}

function cohereV2Events(answer: MeantAnswer, choose: Choose): object[] {
  const [choice] = answer.choices;
  const message = (fields: object) => ({ message: { role: 'ASSISTANT', ...fields } });
  const events: object[] = [
    ...(choice?.reasoning ?? []).map((thinking) => message({ content: [{ type: 'THINKING', thinking }] })),
    ...grouped(choice?.text ?? [], choose).map((texts) => ({
      ...message({ content: texts.map(({ text }) => ({ type: 'TEXT', text })) }),
      ...logProbabilities(choice, texts),
    })),
    ...callEvents(choice?.calls ?? [], choose).map((calls) => message({ toolCalls: calls.map(nested) })),
  ];
  return [...events, { ...message({}), finishReason: choice?.finishWord, usage: usageOf(answer) }];
}

interface SentCall {
  readonly id?: string;
  readonly name?: string;
  readonly arguments?: string;
}

function sentFields({ id, name, arguments: json }: MeantCall): SentCall {
  return { ...(id !== null && { id }), name, arguments: json };
}

/** All calls in one event; or one after the other; or, where each piece says whose it is, at the same time. */
function callEvents(calls: readonly MeantCall[], choose: Choose): SentCall[][] {
  if (choose(4) === 0) return calls.length > 0 ? [calls.map(sentFields)] : [];
  if (choose(3) > 0 || calls.some(({ id }) => id === null)) {
    return calls.flatMap((call) => callPieces(call, choose).map((piece) => [piece]));
  }
  const lines = calls.map((call) => callPieces(call, choose).map((piece) => ({ ...sentId(call), ...piece })));
  // Calls are numbered as they begin.
  const heads = lines.flatMap((line) => line.splice(0, 1));
  return [...heads, ...interleaved(lines, choose)].map((piece) => [piece]);
}

/** All at once, or a head and arguments, which have neither id nor name. */
function callPieces(call: MeantCall, choose: Choose): SentCall[] {
  const { name, arguments: json } = call;
  if (choose(2) === 0) return [sentFields(call)];
  const head = choose(2) === 0 ? { ...sentId(call), name } : { ...sentId(call), name, arguments: '' };
  return [head, ...cutAnywhere(json, choose).map((piece) => ({ arguments: piece }))];
}

function sentId({ id }: MeantCall): { id?: string } {
  return id === null ? {} : { id };
}

/** Also within a character. */
function cutAnywhere(text: string, choose: Choose): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length;) {
    const next = at + 1 + choose(6);
    pieces.push(text.slice(at, next));
    at = next;
  }
  return pieces;
}

function interleaved<T>(lines: readonly T[][], choose: Choose): T[] {
  const merged: T[] = [];
  const left = lines.map((line) => [...line]).filter((line) => line.length > 0);
  while (left.length > 0) {
    const at = choose(left.length);
    const next = left[at]?.shift();
    if (next !== undefined) merged.push(next);
    if (left[at]?.length === 0) left.splice(at, 1);
  }
  return merged;
}

function logProbabilities(choice: MeantChoice | undefined, texts: readonly { text: string; at: number }[]): object {
  if (!choice || choice.logProbs.length === 0) return {};
  return { logProbabilities: texts.map(({ text, at }) => ({ text, logProbabilities: [choice.logProbs[at]] })) };
}

function nested({ id, name, arguments: json }: SentCall): object {
  return { ...(id !== undefined && { id }), type: 'FUNCTION', function: { name, arguments: json } };
}

function cohereCalls(choice: MeantChoice | undefined): { toolCalls?: object[] } {
  const calls = choice?.calls ?? [];
  if (calls.length === 0) return {};
  return { toolCalls: calls.map(({ name, arguments: json }) => ({ name, parameters: parseExactly(json || '{}') })) };
}

function grouped(texts: readonly string[], choose: Choose): { text: string; at: number }[][] {
  const groups: { text: string; at: number }[][] = [];
  for (const [at, text] of texts.entries()) {
    const group = groups.at(-1);
    if (group && choose(2) === 0) group.push({ text, at });
    else groups.push([{ text, at }]);
  }
  return groups;
}

function usageOf({ counts, usageStyle }: MeantAnswer): object {
  const { prompt, written, thought, cached } = counts;
  const completion = usageStyle === 'inside' ? written + thought : written;
  return {
    promptTokens: prompt,
    ...((usageStyle !== 'sparse' || completion > 0) && { completionTokens: completion }),
    totalTokens: prompt + written + thought,
    completionTokensDetails: { reasoningTokens: thought },
    promptTokensDetails: { cachedTokens: cached },
  };
}
