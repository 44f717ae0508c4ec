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
  readonly calls: readonly {
    readonly id: string;
    readonly name: string;
    readonly arguments: Record<string, unknown>;
  }[];
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
        choices: answer.choices.map(({ reasoning, text, calls }, index) => ({
          index,
          message: {
            role: 'ASSISTANT',
            content: [{ type: 'TEXT', text: text.join('') }],
            reasoningContent: reasoning.join(''),
            toolCalls: calls.map((call) => ({ type: 'FUNCTION', ...call, arguments: JSON.stringify(call.arguments) })),
          },
          finishReason: 'stop',
        })),
        usage,
      };
    case 'COHERE':
      return { text: first?.text.join(''), ...cohereCalls(first), finishReason: 'COMPLETE', usage };
    case 'COHEREV2':
      return {
        message: {
          role: 'ASSISTANT',
          content: [
            { type: 'THINKING', thinking: first?.reasoning.join('') },
            { type: 'TEXT', text: first?.text.join('') },
          ],
          toolCalls: (first?.calls ?? []).map((call) => nested(call.id, call.name, JSON.stringify(call.arguments))),
        },
        finishReason: 'COMPLETE',
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
      ...grouped(choice.text, choose).map((texts) => piece({ content: texts.map((text) => ({ type: 'TEXT', text })) })),
      ...choice.calls.flatMap((call) =>
        callPieces(call, choose).map((fields) => piece({ toolCalls: [{ type: 'FUNCTION', ...fields }] })),
      ),
    ];
    const finishReason = 'stop';
    const last = events.pop();
    if (last && choose(2) === 0) return [...events, { ...last, finishReason }];
    return [...events, ...(last ? [last] : []), { ...at, finishReason }];
  });
  const events: object[] = [];
  while (lines.some((line) => line.length > 0)) {
    const next = lines[choose(lines.length)]?.shift() ?? lines.find((line) => line.length > 0)?.shift();
    if (next) events.push(next);
  }
  return [...events, { usage: usageOf(answer) }];
}

function cohereEvents(answer: MeantAnswer, choose: Choose): object[] {
  const [choice] = answer.choices;
  const text = choice?.text.join('') ?? '';
  const calls = cohereCalls(choice);
  const events: object[] = (choice?.text ?? []).map((piece) => ({ text: piece }));
  if (calls.toolCalls && choose(2) === 0) events.push({ text, ...calls });
  const repeated = events.length > 0 && choose(2) === 0 ? '' : text;
  const summary = { text: repeated, chatHistory: [{ role: 'CHATBOT', message: text }], ...calls };
  const finish = { finishReason: 'COMPLETE', usage: usageOf(answer) };
  const end = choose(2) === 0 ? [{ ...summary, ...finish }] : [summary, finish];
  return [...events, ...end];
}

function cohereV2Events(answer: MeantAnswer, choose: Choose): object[] {
  const [choice] = answer.choices;
  const messages: object[] = [
    ...(choice?.reasoning ?? []).map((thinking) => ({ content: [{ type: 'THINKING', thinking }] })),
    ...grouped(choice?.text ?? [], choose).map((texts) => ({ content: texts.map((text) => ({ type: 'TEXT', text })) })),
    ...(choice?.calls ?? []).flatMap((call) =>
      callPieces(call, choose).map(({ id, name, arguments: json }) => ({ toolCalls: [nested(id, name, json)] })),
    ),
  ];
  const events = messages.map((fields) => ({ message: { role: 'ASSISTANT', ...fields } }));
  const finish = { message: { role: 'ASSISTANT' }, finishReason: 'COMPLETE', usage: usageOf(answer) };
  return [...events, finish];
}

/** All at once, or a head and arguments, which have neither id nor name. */
function callPieces(
  call: MeantChoice['calls'][number],
  choose: Choose,
): { id?: string; name?: string; arguments?: string }[] {
  const { id, name } = call;
  const json = JSON.stringify(call.arguments);
  if (choose(2) === 0) return [{ id, name, arguments: json }];
  const pieces: { id?: string; name?: string; arguments?: string }[] = [
    choose(2) === 0 ? { id, name } : { id, name, arguments: '' },
  ];
  for (let at = 0; at < json.length;) {
    const next = at + 1 + choose(6);
    pieces.push({ arguments: json.slice(at, next) });
    at = next;
  }
  return pieces;
}

function nested(id: string | undefined, name: string | undefined, json: string | undefined): object {
  return { id, type: 'FUNCTION', function: { name, arguments: json } };
}

function cohereCalls(choice: MeantChoice | undefined): { toolCalls?: object[] } {
  const calls = choice?.calls ?? [];
  return calls.length === 0
    ? {}
    : { toolCalls: calls.map(({ name, arguments: parameters }) => ({ name, parameters })) };
}

function grouped(pieces: readonly string[], choose: Choose): string[][] {
  const groups: string[][] = [];
  for (let at = 0; at < pieces.length;) {
    const next = at + 1 + choose(2);
    groups.push(pieces.slice(at, next));
    at = next;
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
