import { isSecret } from './config/config-path.ts';
import type { Deployment, GatewayConfig } from './config/gateway-config.ts';
import type { Environment } from './config/substitute-environment.ts';

/** What stands where a secret was. */
const hidden = '[secret]';

/** Shorter ones are words of any text, or no secrets. */
const secretCharsMin = 8;
/** A line of a key that is shorter may be any. */
const keyLineCharsMin = 24;

/** Gives a text back without secrets. */
export type HideSecrets = (text: string) => string;

/** Virtual keys, whoever's they are; a masked one (`sk-...abcd`) stays. */
const virtualKeys = /\bsk-[\w~+/=-]{13,}/g;

/**
 * The last line of defence for what a process prints: no line is meant to hold a secret, but errors of libraries carry
 * what they were given along.
 */
export function createHideSecrets(secrets: Iterable<string>): HideSecrets {
  const forms = [...new Set(secrets)].flatMap(formsOf);
  // The longest first: one may hold another.
  const parts = forms.sort((a, b) => b.length - a.length).map((form) => RegExp.escape(form));
  const known = parts.length === 0 ? null : new RegExp(parts.join('|'), 'g');
  return (text) => {
    const shown = text.replaceAll(virtualKeys, hidden);
    return known === null ? shown : shown.replaceAll(known, hidden);
  };
}

/** All that a process was given of secrets, by its environment and by its configuration. */
export function secretsOf(env: Environment, config: GatewayConfig | null): string[] {
  const values = Object.values(env).filter((value) => value !== undefined);
  const named = Object.entries(env).map(([name, value]) => (isSecret([name]) && !isPlace(name, value) ? value : null));
  const configured = config === null ? [] : secretsIn(config);
  const urls = [...values, config?.databaseUrl ?? ''].flatMap(passwordsIn);
  return [...named, ...configured, ...urls].filter((value) => typeof value === 'string');
}

/** The path of a secret is none, and an operator needs it to be told; a key that stands where it belongs is one. */
function isPlace(name: string, value = ''): boolean {
  return /_(?:FILE|PATH|DIR)$/i.test(name) && !/[\r\n]/.test(value);
}

function secretsIn(config: GatewayConfig): (string | null)[] {
  const { masterKey, metrics, sluice } = config;
  const storeKey = sluice.files.s3?.credentials?.secretAccessKey ?? null;
  // A library may name a webhook's key without what it begins with.
  const webhookKeys = sluice.webhooks.flatMap(({ receiver }) =>
    receiver === null ? [] : [receiver.secret, receiver.secret.slice('whsec_'.length)],
  );
  return [masterKey, metrics.token, storeKey, ...webhookKeys, ...deploymentSecrets(config)];
}

function deploymentSecrets({ aliases, wildcards }: GatewayConfig): (string | null)[] {
  const deployments = [...aliases.values(), ...wildcards].flatMap((alias) => alias.deployments);
  return deployments.flatMap(({ target }) => secretsOfTarget(target));
}

function secretsOfTarget(target: Deployment['target']): (string | null)[] {
  if (target.api === 'anthropic') return [target.apiKey];
  if (target.api === 'openai' && 'apiKey' in target.auth) return [target.auth.apiKey];
  const identity = target.api === 'oci' ? target.identity : target.auth.type === 'oci' ? target.auth.identity : null;
  return identity?.type === 'api_key' ? [identity.privateKeyPem, identity.passphrase] : [];
}

/** Of `scheme://user:password@host`, and of several with commas between. */
function passwordsIn(value: string): string[] {
  return [...value.matchAll(/[a-z][a-z0-9+.-]*:\/\/([^\s/?#@:]*)(?::([^\s/?#@]*))?@/gi)].flatMap(
    ([, user, password]) => {
      // NATS's tokens stand where a user's name would.
      const secret = password ?? user ?? '';
      return [secret, decoded(secret)];
    },
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** As it is, as JSON has it, as a URL has it, and line by line, as a stack or an inspected object may show a key. */
function formsOf(secret: string): string[] {
  const text = secret.trim();
  const lines = text.split(/\r?\n|\\n/);
  const whole = [text, JSON.stringify(text).slice(1, -1), encodeURIComponent(text.toWellFormed())];
  return [
    ...(text.length >= secretCharsMin && lines.length === 1 ? whole : []),
    ...(lines.length > 1 ? lines.filter((line) => line.length >= keyLineCharsMin && !line.startsWith('-----')) : []),
  ];
}
