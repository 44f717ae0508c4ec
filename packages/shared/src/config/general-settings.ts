import { addDuration, parseDuration, type Duration } from '../time/duration.ts';
import type { GatewayConfig } from './gateway-config.ts';
import type { Findings } from './findings.ts';
import type { Section } from './section.ts';
import type { Environment } from './substitute-environment.ts';

/** LiteLLM's own examples and tests use keys as short as `sk-1234`, so a short one is only warned about. */
const saferMasterKeyLength = 16;

/** A row that is gone cannot recognise its event when it comes again, so the usage log must not be able to be older. */
const shortestRetention: Duration = { unit: 'day', count: 7 };

/** Of the two secrets of the gateway itself the file's, else the environment's. An empty variable is none. */
export function readGeneralSettings(
  section: Section,
  env: Environment,
  findings: Findings,
): Pick<GatewayConfig, 'masterKey' | 'databaseUrl' | 'spendLogsRetention'> {
  return {
    masterKey: readMasterKey(section, env, findings),
    databaseUrl: readDatabaseUrl(section, env, findings),
    spendLogsRetention: readRetention(section),
  };
}

/**
 * LiteLLM lets in whatever key it cannot look up then. Here no key is let in of which nobody can say what it may spend.
 */
export function readReadyWithoutDatabase(general: Section): boolean {
  const key = 'allow_requests_on_db_unavailable';
  const isWanted = general.boolean(key) ?? false;
  if (isWanted) {
    general.warning(
      key,
      'while PostgreSQL is away an ingress stays ready and serves the keys that it knows; it refuses all others with 503, since nobody could say what they may spend',
    );
  }
  return isWanted;
}

function readRetention(section: Section): Duration | null {
  const key = 'maximum_spend_logs_retention_period';
  const text = section.string(key);
  try {
    const duration = parseDuration(text);
    if (duration === null || addDuration(0, duration) >= addDuration(0, shortestRetention)) return duration;
    section.warning(key, `rows are kept for ${shortestRetention.count} days at least`);
    return shortestRetention;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    section.problem(key, error.message);
    return null;
  }
}

function readMasterKey(section: Section, env: Environment, findings: Findings): string | null {
  const variable = ['LITELLM_MASTER_KEY', 'SLUICE_MASTER_KEY'].find((name) => env[name]);
  const inFile = section.has('master_key');
  const key = inFile ? section.string('master_key') : variable === undefined ? null : (env[variable] ?? null);
  if (key === null) return null;
  const path = inFile ? [...section.path, 'master_key'] : [variable ?? ''];
  if (key === '') {
    findings.problem(path, 'must not be empty');
  } else if (/^\s|\s$|\p{Cc}/u.test(key)) {
    findings.problem(path, 'must not hold control characters, nor begin or end with a space');
  } else if (key.length < saferMasterKeyLength) {
    findings.warning(path, `shorter than ${saferMasterKeyLength} characters: easy to guess`);
  }
  return key;
}

function readDatabaseUrl(section: Section, env: Environment, findings: Findings): string | null {
  const inFile = section.has('database_url');
  const url = inFile ? section.string('database_url') : env['DATABASE_URL'] || null;
  const path = inFile ? [...section.path, 'database_url'] : ['DATABASE_URL'];
  if (url !== null && !/^postgres(?:ql)?:\/\//.test(url)) {
    findings.problem(path, 'expected an address that begins with postgresql://');
  }
  return url;
}
