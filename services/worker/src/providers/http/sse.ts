import { StringDecoder } from 'node:string_decoder';

/** The longest line and the longest event that are held, in UTF-16 units: far above what a model writes at once. */
export const sseEventCharsMax = 4 * 1024 * 1024;

/** Thrown for a line or an event that is longer than `sseEventCharsMax`. */
export class SseTooLongError extends Error {
  override readonly name = 'SseTooLongError';
}

/**
 * Reads server-sent events from bytes that were cut anywhere, also within a UTF-8 sequence, and gives the text
 * of their `data:` lines. Other fields and comments are skipped: OCI sends none that matter (oci-wire.md §4.1).
 */
export class SseParser {
  readonly #decoder = new StringDecoder('utf8');
  /** An unfinished line. */
  #rest = '';
  /** The `data:` lines of the unfinished event, joined; null: none yet. */
  #data: string | null = null;
  #isFirst = true;

  /** The events that these bytes complete, in order. */
  push(bytes: Buffer): string[] {
    return this.#take(this.#decoder.write(bytes));
  }

  /** The bytes are over. An event whose last line break or blank line is missing still counts. */
  end(): string[] {
    return this.#take(`${this.#decoder.end()}\n\n`);
  }

  #take(added: string): string[] {
    const events: string[] = [];
    let text = this.#rest === '' ? added : this.#rest + added;
    if (this.#isFirst && text !== '') {
      this.#isFirst = false;
      if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    }

    // What was left over has no line break in it, so the search starts behind it.
    let searchFrom = Math.min(this.#rest.length, text.length);
    let start = 0;
    for (;;) {
      const end = text.indexOf('\n', searchFrom);
      if (end === -1) break;
      const lineEnd = end > start && text.charCodeAt(end - 1) === 13 ? end - 1 : end;
      if (lineEnd > start) this.#line(text, start, lineEnd);
      else if (this.#data !== null) {
        events.push(this.#data);
        this.#data = null;
      }
      start = end + 1;
      searchFrom = start;
    }
    this.#rest = start === 0 ? text : text.slice(start);
    if (this.#rest.length > sseEventCharsMax) throw new SseTooLongError('An event line is too long.');
    return events;
  }

  #line(text: string, start: number, end: number): void {
    if (!text.startsWith('data', start)) return;
    if (end === start + 4) this.#append('');
    else if (text.charCodeAt(start + 4) === 58) {
      const valueStart = text.charCodeAt(start + 5) === 32 ? start + 6 : start + 5;
      this.#append(text.slice(Math.min(valueStart, end), end));
    }
  }

  #append(value: string): void {
    this.#data = this.#data === null ? value : `${this.#data}\n${value}`;
    if (this.#data.length > sseEventCharsMax) throw new SseTooLongError('An event is too long.');
  }
}
