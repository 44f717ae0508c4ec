import type { ErrorCode } from '@sluice/shared/errors.ts';
import type { z } from 'zod';

/** Schemas under the names that they have in the document. */
export type Named = Readonly<Record<string, z.ZodType>>;

/** What the document says of one route. */
export interface Operation {
  /** One sentence, for whom the name of the route says too little. */
  readonly summary: string;
  /** What the handler parses a body by; a body has to fit all of them. */
  readonly body?: Named;
  /** The same of a form with a file in it, beside the file. */
  readonly form?: { readonly name: string; readonly fields: z.ZodObject; readonly file: string };
  /** What the handler parses the query by. */
  readonly query?: readonly z.ZodObject[];
  /** One: a successful answer, as JSON. */
  readonly answer?: Named;
  /** One: what each event of the answer is, where it is streamed on request. */
  readonly events?: Named;
  /** Other media types of a successful answer, and what is in them. */
  readonly media?: Readonly<Record<string, string>>;
  /** Of a body that only asks: repeating it does no harm, and it is never unknown what came of it. */
  readonly changesNothing?: boolean;
  /** Beside those that any route of its kind may answer with. */
  readonly errors?: readonly ErrorCode[];
}

/** By method and path, as the app has them: `GET /models/*model`. */
export type Operations = Readonly<Record<string, Operation>>;

/** What routes have in common that answer the same kind of request: who may send it, and what may go wrong. */
export type OperationKind = 'inference' | 'batch' | 'management' | 'metrics' | 'public';

/** The routes under one tag of the document. */
export interface Section {
  readonly tag: string;
  readonly description: string;
  readonly kind: OperationKind;
  readonly operations: Operations;
}
