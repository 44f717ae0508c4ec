import { isJsonObject } from '@sluice/shared/json-object.ts';
import type { ProviderEvent } from '../provider.ts';
import { countOf, listOf, textOf } from '../http/wire.ts';
import type { WireObject } from '../http/wire.ts';

/**
 * What is said of one choice besides its content: citations, grounding, searches. Streams repeat it, some with every
 * event and some at the end, so what has been passed on once is not passed on again.
 */
export class AnswerNotes {
  readonly #choice: number;
  readonly #known = new Set<string>();

  constructor(choice: number) {
    this.#choice = choice;
  }

  /** The fields of these names, lists item by item. */
  readFields(source: WireObject, names: readonly string[], out: ProviderEvent[]): void {
    for (const name of names) {
      const value = source[name];
      const news = Array.isArray(value) ? value.filter((item) => this.#isNew(name, item)) : value;
      const isWorthSaying = Array.isArray(news)
        ? news.length > 0
        : news !== undefined && news !== null && this.#isNew(name, news);
      if (isWorthSaying) out.push({ type: 'provider-fields', choice: this.#choice, fields: { [name]: news } });
    }
  }

  /** OpenAI's annotations, also as OCI spells them (oci-wire.md §3.4). */
  readAnnotations(annotations: unknown, out: ProviderEvent[]): void {
    for (const annotation of listOf(annotations)) {
      const citation = isJsonObject(annotation) ? (annotation['url_citation'] ?? annotation['urlCitation']) : null;
      if (!isJsonObject(citation)) this.readFields({ annotations: [annotation] }, ['annotations'], out);
      else if (this.#isNew('annotations', citation)) {
        out.push({
          type: 'url-citation',
          choice: this.#choice,
          url: textOf(citation['url']),
          title: textOf(citation['title']),
          startIndex: countOf(citation['start_index'] ?? citation['startIndex']) ?? 0,
          endIndex: countOf(citation['end_index'] ?? citation['endIndex']) ?? 0,
        });
      }
    }
  }

  #isNew(name: string, value: unknown): boolean {
    const key = `${name} ${JSON.stringify(value)}`;
    if (this.#known.has(key)) return false;
    this.#known.add(key);
    return true;
  }
}
