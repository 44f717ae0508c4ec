import { type ConfigPath, isSecret } from './config-path.ts';
import { isMapping } from './section.ts';

/** What of the configuration a process works with. The secrets of the rest never get into its memory. */
export interface ConfigNeeds {
  /**
   * `credentials`: it calls the models. `places`: it has to know them, where they are, and whether a key is there, but
   * calls none. `none`: models are not its business.
   */
  readonly models: 'credentials' | 'places' | 'none';
  /** Whether it names the operator. Else the master key may open its `/metrics`, if it is there. */
  readonly masterKey: boolean;
  /** Whether it stores or reads files: the credentials of their store. */
  readonly files: boolean;
  /** Whether it calls webhooks: their secrets. */
  readonly webhooks?: boolean;
}

/** For one process that does everything, and for checking. */
export const needsEverything: ConfigNeeds = { models: 'credentials', masterKey: true, files: true, webhooks: true };

/** How a value may be there: it has to be; if its variable is set; never. */
export type Need = 'required' | 'optional' | 'withheld';

const credentialKeys: ReadonlySet<unknown> = new Set(['oci_key', 'oci_key_file', 'oci_key_passphrase', 'api_key']);
/** No secrets, but they are nobody's who does not sign. */
const signerKeys: ReadonlySet<unknown> = new Set(['oci_tenancy', 'oci_user', 'oci_fingerprint']);

/** What a process with these needs may know of the value at a path. */
export function needFor({ models, masterKey, files, webhooks = false }: ConfigNeeds): (path: ConfigPath) => Need {
  return (path) => {
    const [section, name] = path;
    if (section === 'general_settings' && name === 'master_key') return masterKey ? 'required' : 'optional';
    if (section === 'sluice_settings' && name === 'files') {
      return files ? 'required' : isSecret(path) ? 'withheld' : 'optional';
    }
    if (section === 'sluice_settings' && name === 'webhooks') {
      return webhooks ? 'required' : path.at(-1) === 'secret' || path.at(-1) === 'url' ? 'withheld' : 'optional';
    }
    if (section !== 'model_list' || models === 'credentials') return 'required';
    const key = path.at(-1);
    if (credentialKeys.has(key)) return 'withheld';
    return signerKeys.has(key) || isSecret(path) ? 'optional' : 'required';
  };
}

/** The file's sections without those that a process does not read at all. */
export function neededSections(
  sections: Readonly<Record<string, unknown>>,
  { models }: ConfigNeeds,
): Readonly<Record<string, unknown>> {
  if (models !== 'none') return sections;
  const { general_settings: general, sluice_settings: own, litellm_settings: litellm } = sections;
  const forMetrics = isMapping(litellm) ? litellm['require_auth_for_metrics_endpoint'] : undefined;
  return {
    general_settings: general,
    sluice_settings: own,
    litellm_settings: { require_auth_for_metrics_endpoint: forMetrics },
  };
}
