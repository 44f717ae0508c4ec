import { readAllowedIps } from './allowed-ips.ts';
import { loadPriceBook } from '../prices/price-book.ts';
import { readAliases } from './aliases.ts';
import { checkKeys } from './check-keys.ts';
import { type ConfigNeeds, needFor, neededSections, needsEverything } from './config-needs.ts';
import { Findings } from './findings.ts';
import type { GatewayConfig } from './gateway-config.ts';
import { readGeneralSettings, readReadyWithoutDatabase } from './general-settings.ts';
import { readConfigFiles } from './read-config-files.ts';
import { readMetricsSettings } from './metrics-settings.ts';
import { withOtherNames } from './model-group-aliases.ts';
import { readOciDefaults } from './oci-identity.ts';
import { readRouterSettings } from './router-settings.ts';
import { Section } from './section.ts';
import { readSluiceSettings } from './sluice-settings.ts';
import { applyEnvironmentVariables, type Environment, substituteEnvironment } from './substitute-environment.ts';
import { readTrustedProxies } from './trusted-proxies.ts';
import { readTenancySettings } from './tenancy-settings.ts';
import { vocabularies } from './vocabulary.ts';

export interface ConfigSource {
  /** LiteLLM's `config.yaml`; null: `values`, or nothing but the environment. */
  readonly file: string | null;
  /** What a file would say, for a start without one. */
  readonly values?: Readonly<Record<string, unknown>>;
  readonly env: Environment;
  /** Absent: everything. */
  readonly needs?: ConfigNeeds;
  /** Told of everything that the configuration says in vain, each once. */
  readonly warn: (message: string) => void;
}

/**
 * Reads, completes and checks the configuration. Having no alias at all is allowed here.
 *
 * @throws ConfigError with everything that is wrong. Files that cannot be read, or are no YAML, are told first and
 * alone: what is missing from them would make up more problems than there are.
 */
export async function loadGatewayConfig(source: ConfigSource): Promise<GatewayConfig> {
  const { file, values = {}, env, needs = needsEverything, warn } = source;
  const findings = new Findings();
  const raw = file === null ? values : await readConfigFiles(file, findings);
  findings.conclude(warn);

  const { environment_variables: variables, ...sections } = raw;
  const completeEnv = applyEnvironmentVariables(variables, env, findings);
  const substitution = { env: completeEnv, findings, needFor: needFor(needs) };
  const substituted = substituteEnvironment(neededSections(sections, needs), [], substitution);
  const root = Section.of(findings, [], substituted);
  checkKeys(root, vocabularies.file);
  const config = await readRoot(root, completeEnv, needs, findings);
  findings.conclude(warn);
  return config;
}

async function readRoot(
  root: Section,
  env: Environment,
  needs: ConfigNeeds,
  findings: Findings,
): Promise<GatewayConfig> {
  const litellm = root.section('litellm_settings');
  const router = root.section('router_settings');
  const general = root.section('general_settings');
  checkKeys(litellm, vocabularies.litellmSettings);
  checkKeys(router, vocabularies.routerSettings);
  checkKeys(general, vocabularies.generalSettings);

  const prices = loadPriceBook();
  const own = root.section('sluice_settings');
  const sluice = readSluiceSettings(own, prices);
  const ociDefaults = readOciDefaults(own, env);
  const hasCredentials = needs.models === 'credentials';
  const { defaultPrice } = sluice;
  const listed = await readAliases(root, findings, { env, hasCredentials, prices, ociDefaults, defaultPrice });
  const known = withOtherNames({ litellm, router }, listed);
  return {
    aliases: known.aliases,
    wildcards: known.wildcards,
    router: readRouterSettings({ router, litellm, general }, known, findings),
    dropParams: litellm.boolean('drop_params') ?? false,
    ...readGeneralSettings(general, env, findings),
    metrics: readMetricsSettings({ litellm, own }, env, findings),
    trustedProxies: readTrustedProxies({ general, own }),
    allowedIps: readAllowedIps(general),
    readyWithoutDatabase: readReadyWithoutDatabase(general),
    errorsNameCall: general.boolean('include_call_id_in_error_body') ?? false,
    tenancy: readTenancySettings({ litellm, general, sluice: own }),
    sluice,
  };
}
