import { GatewayError } from '@sluice/shared/errors.ts';
import { z } from 'zod';
import type { ClientConnection, ClientRequest } from './serve-request.ts';
import type { SimulatedProcess } from './simulated-process.ts';

const Said = z.object({ content: z.string().nullish() }).optional();
const Answer = z.object({ choices: z.array(z.object({ message: Said, delta: Said })).default([]) });

/** What a client has come to. */
export type Outcome = 'answered' | 'refused' | 'interrupted' | 'left' | 'connection broken';

/** One client, and all that it ever gets. */
export class SimulatedClient implements ClientConnection {
  readonly request: ClientRequest;
  readonly ingress: SimulatedProcess;
  outcome: Outcome | null = null;
  /** The text of its answer, as far as it has come. */
  text = '';
  readonly #leaving = new AbortController();
  readonly #fail: (text: string) => void;
  readonly #onAnswered: (client: SimulatedClient) => void;
  #answers = 0;

  constructor(
    request: ClientRequest,
    ingress: SimulatedProcess,
    { fail, onAnswered }: { fail: (text: string) => void; onAnswered: (client: SimulatedClient) => void },
  ) {
    this.request = request;
    this.ingress = ingress;
    this.#fail = fail;
    this.#onAnswered = onAnswered;
    ingress.onDeath(() => this.#end('connection broken'));
  }

  get gone(): AbortSignal {
    return this.#leaving.signal;
  }

  get id(): string {
    return this.request.requestId;
  }

  /** The ingress notices. */
  leave(): void {
    if (this.outcome !== null) return;
    this.#end('left');
    this.#leaving.abort(new Error('the client has left'));
  }

  json(body: unknown): void {
    this.#count();
    this.text = textOf(body, 'message');
    this.#answered();
  }

  sse(chunk: string, isLast: boolean): void {
    if (this.gone.aborted) return; // nobody reads it
    if (this.outcome !== null) return this.#fail(`${this.id} gets something after its end: ${chunk}`);
    let isDone = false;
    let isError = false;
    for (const line of chunk.split('\n').filter((each) => each.startsWith('data: '))) {
      if (isDone || isError) this.#fail(`${this.id} gets something after its end: ${line}`);
      const data = line.slice('data: '.length);
      isDone ||= data === '[DONE]';
      if (data === '[DONE]') continue;
      const value: unknown = JSON.parse(data);
      isError ||= typeof value === 'object' && value !== null && 'error' in value;
      this.text += textOf(value, 'delta');
    }
    if (!isLast) return;
    this.#count();
    if (isDone) this.#answered();
    else if (isError) this.#end('interrupted');
    else this.#fail(`${this.id}: its stream ends without a word`);
  }

  failed(error: unknown): void {
    if (this.outcome !== null) return;
    this.#count();
    if (!(error instanceof GatewayError) || error.code === 'internal') {
      this.#fail(`${this.id} fails: ${error instanceof Error ? error.stack : String(error)}`);
    }
    this.#end('refused');
  }

  #answered(): void {
    this.#end('answered');
    this.#onAnswered(this);
  }

  #count(): void {
    this.#answers += 1;
    if (this.#answers > 1) this.#fail(`${this.id} gets a second answer`);
  }

  #end(outcome: Outcome): void {
    this.outcome ??= outcome;
  }
}

/** @param part where the text of a choice lies: `message` in a whole answer, `delta` in a stream */
function textOf(body: unknown, part: 'message' | 'delta'): string {
  return Answer.parse(body)
    .choices.map((choice) => choice[part]?.content ?? '')
    .join('');
}
