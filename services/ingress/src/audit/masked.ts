import { hashKey } from '../auth/hash-key.ts';

const mask = '****';

/** Fields whose text is a secret whatever it looks like, by parts of their names, in any spelling. */
const secretFields = [
  'apikey',
  'authorization',
  'credential',
  'passphrase',
  'password',
  'passwd',
  'privatekey',
  'secret',
  'accesskey',
  'signingkey',
  'saltkey',
  'masterkey',
  'bearer',
  'cookie',
  'connectionstring',
] as const;

/** Fields that hold a key by the whole of their name; a hash in them stays: it is no secret. */
const keyFields = new Set([
  'key',
  'keys',
  'token',
  'tokens',
  'accesstoken',
  'refreshtoken',
  'sessiontoken',
  'authtoken',
]);

/** Secrets that can be told by their look, wherever they stand in a text. */
const secretTexts: readonly { readonly pattern: RegExp; readonly as: (text: string) => string }[] = [
  // A virtual key is known by its hash. What is masked already (`sk-...abcd`) is too short for it.
  { pattern: /\bsk-[\x21-\x7e]{13,}/g, as: hashKey },
  { pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, as: () => mask },
  { pattern: /\b(?:Bearer|Basic)\s+\S+/gi, as: () => mask },
  { pattern: /(?<=\b[a-z][a-z0-9+.-]*:\/\/)[^\s/?#@]*:[^\s/?#@]*(?=@)/gi, as: () => mask },
];

/**
 * The same JSON without secrets: virtual keys are their hashes, anything else that is secret by its name or by its look
 * is `****`. What people write into `metadata` is looked at too.
 *
 * @param value JSON, nested as deep as request bodies may be
 */
export function masked(value: unknown, field = ''): unknown {
  const name = field.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  if (secretFields.some((secret) => name.includes(secret))) return value === null ? null : mask;
  if (typeof value === 'string') return keyFields.has(name) ? maskedKey(value) : maskedText(value);
  if (Array.isArray(value)) return value.map((item: unknown) => masked(item, field));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [maskedText(key), masked(member, key)]));
}

function maskedKey(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  return text.startsWith('sk-') ? hashKey(text) : mask;
}

function maskedText(text: string): string {
  return secretTexts.reduce((shown, { pattern, as }) => shown.replaceAll(pattern, as), text);
}
