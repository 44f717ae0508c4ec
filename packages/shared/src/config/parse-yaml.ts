import { type ErrorCode, LineCounter, parseDocument, type YAMLError } from 'yaml';

/** Aliases and merge keys may repeat a part this often; more is a billion-laughs attack, or a mistake. */
const maxAliasCount = 100;

/**
 * One YAML document as plain values. Keys are strings, merge keys (`<<`) work. The problems are in our own words,
 * because the parser's quote the text, in which the next word may be a key.
 */
export function parseYaml(text: string): { readonly value: unknown } | { readonly problems: readonly string[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    merge: true,
    stringKeys: true,
    prettyErrors: false,
    logLevel: 'error',
    lineCounter: lines,
  });
  // A repeated key stands for itself; one mistake in the syntax makes more out of what follows.
  const found: YAMLError[] = [...document.errors, ...document.warnings];
  const first = found.find(({ code }) => code !== 'DUPLICATE_KEY');
  const told = found.filter((error) => error.code === 'DUPLICATE_KEY' || error === first);
  if (told.length > 0) return { problems: told.map((error) => describe(error, text, lines)) };
  try {
    const value: unknown = document.toJS({ maxAliasCount });
    return holdsItself(value, []) ? { problems: ['an alias (*name) stands inside of what it repeats'] } : { value };
  } catch (error) {
    return { problems: [describeExpansion(error)] };
  }
}

function describe({ code, pos }: YAMLError, text: string, lines: LineCounter): string {
  const { line, col } = lines.linePos(pos[0]);
  const repeated =
    code === 'DUPLICATE_KEY' ? /^["']?([A-Za-z_][\w-]{0,63})/.exec(text.slice(pos[0], pos[0] + 80)) : null;
  const what = repeated ? `the key "${repeated[1]}" appears twice in one mapping` : syntaxErrors[code];
  return `line ${line}, column ${col}: ${what}`;
}

function describeExpansion(error: unknown): string {
  const message = error instanceof Error ? error.message : '';
  if (message.startsWith('Unresolved alias')) return 'an alias (*name) repeats an anchor (&name) that does not exist';
  if (message.startsWith('Excessive alias')) return `its aliases (*name) repeat more than ${maxAliasCount} times`;
  if (message.startsWith('Merge sources')) return 'a merge key (<<) takes a mapping or an alias of one';
  return 'its aliases (*name) cannot be followed';
}

function holdsItself(value: unknown, ancestors: readonly unknown[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (ancestors.includes(value)) return true;
  return Object.values(value).some((item) => holdsItself(item, [...ancestors, value]));
}

const syntaxErrors: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: 'an alias (*name) takes no anchor and no tag',
  BAD_ALIAS: 'an alias (*) or anchor (&) needs a name; quote text that starts with one of these characters',
  BAD_COLLECTION_TYPE: 'this tag does not fit a list or mapping',
  BAD_DIRECTIVE: 'a line that starts with % is a YAML directive; this one is not known',
  BAD_DQ_ESCAPE: 'this backslash escape does not exist; use single quotes for text with backslashes',
  BAD_INDENT: 'wrong indentation, or a bracket, brace or quote that is not closed',
  BAD_PROP_ORDER: 'anchor and tag stand in front of the value',
  BAD_SCALAR_START: 'text that starts with this character has to be quoted',
  BLOCK_AS_IMPLICIT_KEY: 'a second colon on this line; quote text that holds ": "',
  BLOCK_IN_FLOW: 'a block cannot stand inside of brackets or braces',
  DUPLICATE_KEY: 'this key appears twice in one mapping',
  IMPOSSIBLE: 'not YAML',
  KEY_OVER_1024_CHARS: 'this key is too long',
  MISSING_CHAR: 'something is missing here: a colon after the key, a comma, or a closing bracket or quote',
  MULTILINE_IMPLICIT_KEY: 'a key must end on its line; text over several lines needs a "|" and indentation',
  MULTIPLE_ANCHORS: 'a value takes one anchor',
  MULTIPLE_DOCS: 'a second document starts here; the configuration is one',
  MULTIPLE_TAGS: 'a value takes one tag',
  NON_STRING_KEY: 'a key must be a string',
  RESOURCE_EXHAUSTION: 'nested too deeply',
  TAB_AS_INDENT: 'indentation is made of spaces, not of tabs',
  TAG_RESOLVE_FAILED: 'tags (!name) are not supported',
  UNEXPECTED_TOKEN: 'this does not belong here',
};
