import { isFields, isFlag, isInteger, isNumber, isPatch, isText, isWord, orNull, type Check } from './checks.ts';

/** A refusal to send instead of an answer. `code` absent: by the simulator's mode. `html`: a proxy's error page. */
export interface Failure {
  readonly status: number;
  readonly code?: string | null;
  readonly message?: string | null;
  readonly retryAfterS?: number | null;
  readonly html?: boolean | null;
}

export type StreamEncoding = 'gzip' | 'deflate' | 'br' | 'zstd';

/**
 * How calls are answered. Events are the `data:` frames of a stream, whatever they carry.
 * Layers, later ones win: defaults, `setBehaviour`, a fault, the directive in the prompt.
 */
export interface Behaviour {
  /** From the request to the response's headers (and so to a whole answer, or a failure). */
  readonly delayMs: number;
  /** From the headers of a stream to its first event. */
  readonly firstEventDelayMs: number;
  /** Between events. 0: as fast as the socket takes them. */
  readonly gapMs: number;
  readonly tokensPerEvent: number;
  /** Length of the text, before `maxTokens` cuts it. Null: 16 to 64, from a hash of the prompt. */
  readonly outputTokens: number | null;
  /** Thought before the text by models that reason; spends `maxTokens` too. */
  readonly reasoningTokens: number;
  /** Told as cached by vendors that cache; at most the prompt. */
  readonly cachedTokens: number;
  /** Send this instead of an answer; nothing is billed. */
  readonly fail: Failure | null;
  /** Reset the connection before any header; nothing is billed. */
  readonly drop: boolean;
  /** Admit so many calls of one model at a time, else 429. */
  readonly maxInFlight: number | null;
  /** The `Retry-After` of that 429, in seconds. Null: none, as OCI itself does (§6.2). */
  readonly throttleRetryAfterS: number | null;
  /** After so many events, send nothing more and leave the connection open. */
  readonly stallAfterEvents: number | null;
  /** After so many events, send half of the next and reset the connection. */
  readonly resetAfterEvents: number | null;
  /** After so many events, end the body properly, with no finish event. */
  readonly endAfterEvents: number | null;
  /** After so many events, send the vendor's error event and end (§4.5). */
  readonly errorAfterEvents: number | null;
  /** After so many events, send one that is no JSON, and end. */
  readonly garbleAfterEvents: number | null;
  /** Cut the stream into writes of so many bytes, inside events and UTF-8 sequences too. */
  readonly bytesPerWrite: number | null;
  /** Glue so many events into one write. Null: one when there is a gap, else many. */
  readonly eventsPerWrite: number | null;
  /** A comment line before every so many events. Null: none. */
  readonly commentEveryEvents: number | null;
  readonly newline: '\n' | '\r\n';
  /** Leave the connection open after the last event. */
  readonly holdOpen: boolean;
  readonly contentType: string;
  /** Who ends with `data: [DONE]`. */
  readonly done: 'meta' | 'all' | 'none';
  /** What the terminal event of COHERE has as text. */
  readonly cohereTerminalText: 'repeated' | 'empty';
  /** Answer a whole call with 200 and half of its JSON. */
  readonly truncatedJson: boolean;
  /** Compress whole answers. */
  readonly gzip: boolean;
  /** Compress streams, asked or not: each write can be decompressed when it arrives. */
  readonly streamEncoding: StreamEncoding | null;
  /** One compressed frame for a stream, or one for each write. */
  readonly streamFrames: 'one' | 'each-write';
  /** Leave the index out of every event. */
  readonly omitIndex: boolean;
  /** COHEREV2's tool calls in fragments, as GENERIC's backends send them. */
  readonly toolFragments: boolean;
  /** The finish reason, whatever the answer. */
  readonly finishWord: string | null;
  /** GENERIC: the text is a refusal instead. */
  readonly refuse: boolean;
  /** Cite a page (GENERIC: annotations and grounding), or a document (COHEREV2). */
  readonly citations: boolean;
}

export const plainBehaviour: Behaviour = {
  delayMs: 0,
  firstEventDelayMs: 0,
  gapMs: 0,
  tokensPerEvent: 1,
  outputTokens: null,
  reasoningTokens: 0,
  cachedTokens: 0,
  fail: null,
  drop: false,
  maxInFlight: null,
  throttleRetryAfterS: null,
  stallAfterEvents: null,
  resetAfterEvents: null,
  endAfterEvents: null,
  errorAfterEvents: null,
  garbleAfterEvents: null,
  bytesPerWrite: null,
  eventsPerWrite: null,
  commentEveryEvents: null,
  newline: '\n',
  holdOpen: false,
  contentType: 'text/event-stream',
  done: 'meta',
  cohereTerminalText: 'repeated',
  truncatedJson: false,
  gzip: false,
  streamEncoding: null,
  streamFrames: 'one',
  omitIndex: false,
  toolFragments: false,
  finishWord: null,
  refuse: false,
  citations: false,
};

/** A behaviour for the next calls that match it. */
export interface Fault {
  /** Only calls of this model. Absent: any. */
  readonly model?: string | null;
  /** Only streamed, or only whole calls. Absent: both. */
  readonly streamed?: boolean | null;
  /** How many calls it strikes. Absent: one. */
  readonly count?: number | null;
  readonly behaviour: Partial<Behaviour>;
}

const millis = isNumber(0, 3_600_000);
const tokens = isInteger(0, 1_000_000);
const events = orNull(isInteger(0, 1_000_000));
const some = orNull(isInteger(1, 1_000_000));

const isFailure: Check<Failure> = isFields(
  { status: isInteger(400, 599) },
  { code: isText, message: isText, retryAfterS: isNumber(0, 86_400), html: isFlag },
);

export const isBehaviourPatch: Check<Partial<Behaviour>> = isPatch<Behaviour>({
  delayMs: millis,
  firstEventDelayMs: millis,
  gapMs: millis,
  tokensPerEvent: isInteger(1, 1_000_000),
  outputTokens: orNull(tokens),
  reasoningTokens: tokens,
  cachedTokens: tokens,
  fail: orNull(isFailure),
  drop: isFlag,
  maxInFlight: orNull(tokens),
  throttleRetryAfterS: orNull(isNumber(0, 86_400)),
  stallAfterEvents: events,
  resetAfterEvents: events,
  endAfterEvents: events,
  errorAfterEvents: events,
  garbleAfterEvents: events,
  bytesPerWrite: some,
  eventsPerWrite: some,
  commentEveryEvents: some,
  newline: isWord('\n', '\r\n'),
  holdOpen: isFlag,
  contentType: isText,
  done: isWord('meta', 'all', 'none'),
  cohereTerminalText: isWord('repeated', 'empty'),
  truncatedJson: isFlag,
  gzip: isFlag,
  streamEncoding: orNull(isWord('gzip', 'deflate', 'br', 'zstd')),
  streamFrames: isWord('one', 'each-write'),
  omitIndex: isFlag,
  toolFragments: isFlag,
  finishWord: orNull(isText),
  refuse: isFlag,
  citations: isFlag,
});

export const isFault: Check<Fault> = isFields(
  { behaviour: isBehaviourPatch },
  { model: isText, streamed: isFlag, count: isInteger(1, 1_000_000) },
);
