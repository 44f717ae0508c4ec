import { checkKeys } from './check-keys.ts';
import type { Section } from './section.ts';
import { withheld } from './substitute-environment.ts';
import { vocabularies } from './vocabulary.ts';

/** What a webhook can be told of; named as OpenAI's events are. */
export const webhookEvents = ['batch.completed', 'batch.failed', 'batch.expired', 'batch.cancelled'] as const;
export type WebhookEvent = (typeof webhookEvents)[number];

export interface WebhookReceiver {
  /** http or https; may hold a token, so only its host is shown. */
  readonly url: string;
  /** `whsec_` and base64 of 24 to 64 bytes, by the Standard Webhooks specification. */
  readonly secret: string;
}

/** One of `sluice_settings.webhooks`: a receiver of events. Only the operator can name one, not the users. */
export interface WebhookSettings {
  /** What rows, logs and metrics call it. */
  readonly name: string;
  /** Where to send, and the secret to sign with; null: in a process that does not send. */
  readonly receiver: WebhookReceiver | null;
  readonly events: readonly WebhookEvent[];
  /** Ids of the teams whose batches it is told of; null: all batches. */
  readonly teams: readonly string[] | null;
}

/** Each is told of every batch's end. */
const webhooksMax = 20;

export function readWebhooks(section: Section): readonly WebhookSettings[] {
  const webhooks = section.sections('webhooks').map(readWebhook);
  if (webhooks.length > webhooksMax) section.problem('webhooks', `at most ${webhooksMax}`);
  const names = webhooks.map(({ name }) => name);
  const twice = names.find((name, index) => name !== '' && names.indexOf(name) !== index);
  if (twice !== undefined) section.problem('webhooks', `two are called ${JSON.stringify(twice)}`);
  return webhooks;
}

function readWebhook(section: Section): WebhookSettings {
  checkKeys(section, vocabularies.webhook);
  for (const key of ['name', 'url', 'secret']) if (!section.has(key)) section.problem(key, 'missing');
  const name = section.string('name') ?? '';
  if (name !== '' && !/^[\w.-]{1,64}$/.test(name)) section.problem('name', 'only 1 to 64 letters, digits and . _ -');
  return {
    name,
    receiver: section.raw('secret') === withheld ? null : { url: readUrl(section), secret: readSecret(section) },
    events: readEvents(section) ?? webhookEvents,
    teams: readTeams(section),
  };
}

function readUrl(section: Section): string {
  const text = section.string('url') ?? '';
  if (text === '') return '';
  const url = URL.canParse(text) ? new URL(text) : null;
  // Not shown: its path or query may hold a token.
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    section.problem('url', 'expected an http or https URL');
  else if (url.username !== '' || url.password !== '' || url.hash !== '') {
    section.problem('url', 'expected a URL without a user, a password or a fragment');
  }
  return text;
}

function readSecret(section: Section): string {
  const secret = section.string('secret') ?? '';
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1] ?? '';
  const { length } = Buffer.from(encoded, 'base64');
  if (secret !== '' && (length < 24 || length > 64)) {
    section.problem('secret', 'expected whsec_ and base64 of 24 to 64 random bytes');
  }
  return secret;
}

function readEvents(section: Section): readonly WebhookEvent[] | null {
  const given = section.array('events');
  if (given === null) return null;
  const known = webhookEvents.filter((event) => given.includes(event));
  if (given.length === 0 || known.length < new Set(given).size) {
    section.problem('events', `expected some of ${webhookEvents.join(', ')}`);
  }
  return known;
}

function readTeams(section: Section): readonly string[] | null {
  const given = section.array('teams');
  if (given === null) return null;
  const teams = given.filter((team): team is string => typeof team === 'string' && team !== '');
  if (teams.length === 0 || teams.length < given.length) section.problem('teams', 'expected a list of team ids');
  return teams;
}
