import type { ContentEvent } from '@sluice/shared/contracts/token-event.ts';
import type { ProviderEvent } from '../provider.ts';
import type { ReaderOptions } from './chat-event-reader.ts';

type ToolCallDelta = Extract<ContentEvent, { type: 'tool-call-delta' }>;

/** A piece of a tool call as a provider sent it; what it did not send is empty. */
export interface ToolCallFragment {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

interface OpenCall {
  readonly toolCall: number;
  readonly id: string;
  readonly minted: boolean;
  name: string;
  announced: boolean;
  /** Arguments that came before the name; the first piece must carry the name. */
  held: string;
  hasArguments: boolean;
}

/**
 * Puts the tool calls of one choice in order. In a whole answer each entry is a call. In a stream OCI's fragments carry no index, and only the first of a call has
 * an id and a name, or not even an id (oci-wire.md §4.2).
 *
 * A fragment opens a call when it has an id not seen before, or a name while the open call has arguments or
 * another name, or beside another name in the same event. An id seen before goes on with that call; anything else
 * goes on with the open one.
 */
export class ToolCallAccumulator {
  readonly #choice: number;
  readonly #options: Pick<ReaderOptions, 'newToolCallId' | 'isWhole'>;
  readonly #calls: OpenCall[] = [];
  #open: OpenCall | null = null;

  constructor(choice: number, options: Pick<ReaderOptions, 'newToolCallId' | 'isWhole'>) {
    this.#choice = choice;
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#calls.length === 0;
  }

  /** @param fragments those of one event */
  add(fragments: readonly ToolCallFragment[], out: ProviderEvent[]): void {
    let named = false;
    for (const fragment of fragments) {
      const isAnother = this.#options.isWhole || (named && fragment.id === '' && fragment.name !== '');
      named ||= fragment.name !== '';
      this.#add(isAnother ? this.#begin(fragment.id) : this.#callOf(fragment), fragment, out);
    }
  }

  #add(call: OpenCall, fragment: ToolCallFragment, out: ProviderEvent[]): void {
    this.#open = call;
    if (call.name === '') call.name = fragment.name;
    if (fragment.arguments !== '') call.hasArguments = true;

    if (!call.announced) {
      call.held += fragment.arguments;
      if (call.name !== '') this.#announce(call, out);
    } else if (fragment.arguments !== '') {
      out.push(this.#piece(call, fragment.arguments));
    }
  }

  /** The choice is over: a call without arguments gets `{}`, because clients parse them. */
  end(out: ProviderEvent[]): void {
    for (const call of this.#calls) {
      if (!call.announced) this.#announce(call, out);
      if (!call.hasArguments) out.push(this.#piece(call, '{}'));
    }
  }

  #callOf({ id, name }: ToolCallFragment): OpenCall {
    const open = this.#open;
    if (id !== '') {
      const known = this.#calls.find((call) => call.id === id);
      if (known) return known;
      // The id came late: the open call was given one of ours and has no name of its own to compete with.
      if (open?.minted && name === '') return open;
      return this.#begin(id);
    }
    if (open === null) return this.#begin('');
    const isAnother = name !== '' && (open.hasArguments || (open.name !== '' && open.name !== name));
    return isAnother ? this.#begin('') : open;
  }

  /** @param id empty: the call gets one of ours */
  #begin(id: string): OpenCall {
    const call = {
      toolCall: this.#calls.length,
      id: id === '' ? this.#options.newToolCallId() : id,
      minted: id === '',
      name: '',
      announced: false,
      held: '',
      hasArguments: false,
    };
    this.#calls.push(call);
    return call;
  }

  #announce(call: OpenCall, out: ProviderEvent[]): void {
    call.announced = true;
    out.push({ ...this.#piece(call, call.held), id: call.id, name: call.name });
    call.held = '';
  }

  #piece(call: OpenCall, text: string): ToolCallDelta {
    return { type: 'tool-call-delta', choice: this.#choice, toolCall: call.toolCall, arguments: text };
  }
}

/** A tool call that came in one piece. Cohere's calls have no id, and some of Gemini's. */
export function wholeToolCall(
  position: { readonly choice: number; readonly toolCall: number },
  call: ToolCallFragment,
  newToolCallId: () => string,
): ToolCallDelta {
  return {
    type: 'tool-call-delta',
    ...position,
    id: call.id === '' ? newToolCallId() : call.id,
    name: call.name,
    arguments: call.arguments === '' ? '{}' : call.arguments,
  };
}
