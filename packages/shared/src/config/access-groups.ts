import type { Deployment } from './gateway-config.ts';

/** The access groups that deployments are in (`model_info.access_groups`), each once per deployment that says so. */
export function accessGroupsOf(deployments: readonly Pick<Deployment, 'info'>[]): readonly string[] {
  return deployments.flatMap(({ info }) => {
    const groups = info?.['access_groups'];
    return Array.isArray(groups) ? groups.filter((group) => typeof group === 'string') : [];
  });
}
