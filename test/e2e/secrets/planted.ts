import { createPrivateKey } from 'node:crypto';

/** Secrets that stand nowhere else in the world, so that whoever finds one has found a leak. */
export const planted = {
  passphrase: 'planted-passphrase-Qm3vTz',
  openAiKey: 'planted-openai-key-8hWkRd',
  skKey: 'sk-proj-planted-Jx2NcV7e',
  anthropicKey: 'planted-anthropic-key-Yf5LbA',
  azureKey: 'planted-azure-key-Ku9SgE',
  databasePassword: 'planted-database-pw-Zt6HpD',
  redisPassword: 'planted-redis-pw-Mr4XjC',
  natsPassword: 'planted-nats-pw-Bn7GwU',
} as const;

/** The same key, sealed with the planted passphrase. */
export function sealed(keyPem: string): string {
  const cipher = { cipher: 'aes-256-cbc', passphrase: planted.passphrase };
  return createPrivateKey(keyPem)
    .export({ type: 'pkcs8', format: 'pem', ...cipher })
    .toString();
}

/** What a search for a secret looks for: each form in which it could be written down. */
export function formsOf(secret: string): readonly string[] {
  if (secret.includes('-----BEGIN')) {
    const lines = secret.split('\n').filter((line) => line !== '' && !line.startsWith('-----'));
    return [lines[1] ?? '', lines.at(-2) ?? ''];
  }
  const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '');
  return [secret, encodeURIComponent(secret), base64.slice(0, -1), Buffer.from(secret).toString('hex')];
}

export interface Haystack {
  /** Where it was found: `answer of POST /key/generate`, `output`. */
  readonly where: string;
  readonly text: string;
}

/** Every place in which a secret stands, with what is around it. */
export function leaksIn(haystacks: Iterable<Haystack>, secrets: Readonly<Record<string, string>>): string[] {
  const leaks: string[] = [];
  for (const { where, text } of haystacks) {
    for (const [name, secret] of Object.entries(secrets)) {
      const found = formsOf(secret)
        .map((form) => text.indexOf(form))
        .find((at) => at >= 0);
      if (found !== undefined) leaks.push(`${name} in ${where}: …${text.slice(Math.max(0, found - 200), found + 60)}…`);
    }
  }
  return leaks;
}
