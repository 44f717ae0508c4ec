import type { Alias } from './gateway-config.ts';

/** Names by which deployments can be asked for besides their aliases. */
export interface DeploymentNames {
  /** By `model_info.id`. A wildcard's own id names no model, so it is absent. */
  readonly byId: ReadonlyMap<string, Alias>;
  /** By `litellm_params.model`: all deployments of that model. */
  readonly byModel: ReadonlyMap<string, Alias>;
}

type Aliases = ReadonlyMap<string, Alias>;

const made = new WeakMap<Aliases, DeploymentNames>();

/** They wait in the queue of an alias that has them, and whoever may use that alias may use them. */
export function deploymentNamesOf(aliases: Aliases): DeploymentNames {
  const known = made.get(aliases);
  if (known) return known;
  const names = makeNames(aliases);
  made.set(aliases, names);
  return names;
}

function makeNames(aliases: Aliases): DeploymentNames {
  const byId = new Map<string, Alias>();
  const byModel = new Map<string, Alias>();
  for (const owner of aliases.values()) {
    if (owner.standsFor !== undefined) continue; // has the deployments of another
    for (const deployment of owner.deployments) {
      const { id, model } = deployment;
      if (!isOwnName(owner, id)) {
        const one = { ...deployment, alias: id };
        byId.set(id, { ...placeOf(owner, id), standsFor: owner.name, deployments: [one], isOneDeployment: true });
      }
      const none = { ...placeOf(owner, model), standsFor: owner.name, owners: [], deployments: [] };
      const found: Alias = byModel.get(model) ?? none;
      if (found.mode !== owner.mode) continue;
      byModel.set(model, {
        ...withoutOther(found, owner),
        owners: [...new Set([...(found.owners ?? []), owner.name])],
        deployments: [...found.deployments, { ...deployment, alias: model }],
      });
    }
  }
  return { byId, byModel };
}

function placeOf({ mode, queue, name }: Alias, as: string): Pick<Alias, 'name' | 'mode' | 'queue'> {
  return { name: as, mode, queue: queue ?? name };
}

/** With deployments of two aliases it stands for neither: who may use one of them may not use the other. */
function withoutOther({ standsFor, ...alias }: Alias, owner: Alias): Alias {
  return standsFor === owner.name ? { ...alias, standsFor } : alias;
}

/** An alias whose only deployment has its name as id. */
function isOwnName({ name, deployments }: Alias, id: string): boolean {
  return id === name && deployments.length === 1;
}
