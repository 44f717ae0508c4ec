import type { Findings } from './findings.ts';
import type { Section } from './section.ts';
import type { Environment } from './substitute-environment.ts';

/** Who may read `/metrics`. */
export interface MetricsSettings {
  /** False: whoever reaches the port. */
  readonly authenticated: boolean;
  /** `SLUICE_METRICS_TOKEN`: opens nothing else, so that a scraper need not hold the master key. null: none. Secret. */
  readonly token: string | null;
}

const variable = 'SLUICE_METRICS_TOKEN';
const saferTokenLength = 16;

/** Authentication is on unless `metrics_auth`, or else LiteLLM's own setting, says `false`. */
export function readMetricsSettings(
  { litellm, own }: { readonly litellm: Section; readonly own: Section },
  env: Environment,
  findings: Findings,
): MetricsSettings {
  const theirs = litellm.boolean('require_auth_for_metrics_endpoint');
  const authenticated = own.boolean('metrics_auth') ?? theirs ?? true;
  const token = env[variable] || null;
  if (token !== null && !/^[\x21-\x7e]+$/.test(token)) {
    findings.problem([variable], 'must hold visible ASCII characters alone: it travels in a header');
  } else if (token !== null && token.length < saferTokenLength) {
    findings.warning([variable], `shorter than ${saferTokenLength} characters: easy to guess`);
  }
  if (!authenticated)
    findings.warning(['/metrics'], 'open to whoever reaches the port: authentication is switched off');
  return { authenticated, token };
}
