/** Where a value stands: `['model_list', 2, 'litellm_params', 'oci_key']`. */
export type ConfigPath = readonly (string | number)[];

/** `model_list[2].litellm_params.oci_key`; a key that is no plain word is quoted: `fallbacks[0]["gpt-4.1"]`. */
export function formatPath(path: ConfigPath): string {
  return path.map((step, index) => formatStep(step, index === 0)).join('');
}

function formatStep(step: string | number, first: boolean): string {
  if (typeof step === 'number') return `[${step}]`;
  if (/^[\w*-]{1,80}$/.test(step)) return first ? step : `.${step}`;
  return `[${JSON.stringify(step.length > 80 ? `${step.slice(0, 80)}…` : step)}]`;
}

/**
 * Whether the value there must never be printed. Keys that count tokens, or give a price or a rate of tokens, only sound
 * secret. What `environment_variables` holds is anybody's guess, so all of it is secret.
 */
export function isSecret(path: ConfigPath): boolean {
  if (path[0] === 'environment_variables') return true;
  return path.some((step) => typeof step === 'string' && secretWords.test(step.replace(countsTokens, '')));
}

const secretWords = /key|secret|password|passphrase|token|pem|credential|database_url/i;
const countsTokens = /(?:max|between)_(?:\w+_)?tokens|per_(?:\w+_)?token|token_cost|token_rate/gi;
