import { modelHint } from './limitable-models.ts';
import { refusal } from './limit-changes.ts';
import type { ManagementDeps } from './management-deps.ts';

/**
 * A name that nobody knows would be kept and never work.
 *
 * @param param the field that names them, for the refusal
 * @throws GatewayError invalid_management_request naming those that are no alias of the configuration and fit none
 */
export function requireModels(
  param: string,
  names: readonly string[],
  { models }: Pick<ManagementDeps, 'models'>,
): void {
  const unknown = [...new Set(names)].filter((name) => models.resolve(name) === null);
  if (unknown.length === 0) return;
  const hint = modelHint(unknown, models.aliases.keys());
  throw refusal(param, `${param}: there is no model ${unknown.join(', ')} here. ${hint}`);
}
