import type { Deployment, GatewayConfig, OciIdentity } from './gateway-config.ts';
import type { Environment } from './substitute-environment.ts';

/** What the platforms set where these identities work, and no signature is made without (docs/identities.md). */
const neededVariables: ReadonlyMap<OciIdentity['type'], readonly string[]> = new Map([
  [
    'resource_principal',
    ['OCI_RESOURCE_PRINCIPAL_VERSION', 'OCI_RESOURCE_PRINCIPAL_RPST', 'OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM'],
  ],
  ['oke_workload_identity', ['KUBERNETES_SERVICE_HOST', 'KUBERNETES_SERVICE_PORT_PROXYMUX']],
]);

/**
 * Identities that could not sign in a process with this environment. Warnings only: a configuration may be checked
 * elsewhere than it runs.
 *
 * @param env of the process that signs, or may be
 */
export function identityWarnings({ aliases, wildcards }: GatewayConfig, env: Environment): readonly string[] {
  const aliasesOf = Map.groupBy(
    [...aliases.values(), ...wildcards].flatMap(({ deployments }) => deployments),
    (deployment) => identityTypeOf(deployment),
  );
  return [...neededVariables].flatMap(([type, names]) => {
    const users = new Set(aliasesOf.get(type)?.map(({ alias }) => alias));
    const missing = names.filter((name) => !env[name]);
    if (users.size === 0 || missing.length === 0) return [];
    return [`identity ${type} (of ${[...users].join(', ')}) cannot sign here: ${missing.join(', ')} not set`];
  });
}

function identityTypeOf({ target }: Deployment): OciIdentity['type'] | null {
  if (target.api === 'oci') return target.identity.type;
  return target.api === 'openai' && target.auth.type === 'oci' ? target.auth.identity.type : null;
}
