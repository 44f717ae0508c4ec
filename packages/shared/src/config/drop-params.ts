import { isDroppable, ParamNames } from '../api/litellm/param-names.ts';
import type { Deployment } from './gateway-config.ts';
import type { Section } from './section.ts';

/** What an entry leaves out of requests; what the file does not say is absent. */
export function readDropParams(params: Section): Pick<Deployment, 'dropParams' | 'additionalDropParams'> {
  const dropParams = params.boolean('drop_params');
  const names = readNames(params);
  return {
    ...(dropParams !== null && { dropParams }),
    ...(names.length > 0 && { additionalDropParams: names }),
  };
}

function readNames(params: Section): readonly string[] {
  const given = params.array('additional_drop_params');
  if (given === null) return [];
  const { data: names } = ParamNames.safeParse(given);
  if (!names) {
    params.problem('additional_drop_params', 'expected a list of up to 64 names');
    return [];
  }
  const kept = names.filter((name) => !isDroppable(name));
  if (kept.length > 0) {
    const which = 'only parameters at the top level of a request, and none that it cannot do without';
    params.warning('additional_drop_params', `${kept.join(', ')}: cannot be dropped (${which}), ignored`);
  }
  return names.filter(isDroppable);
}
