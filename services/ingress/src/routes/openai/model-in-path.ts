import type { Request } from 'express';

/** The model that a path such as `/engines/{model}/embeddings` names; it may contain slashes. */
export function modelInPath({ params }: Pick<Request, 'params'>): string | undefined {
  const model: unknown = params['model'];
  return Array.isArray(model) ? model.join('/') : typeof model === 'string' ? model : undefined;
}

/** The request with the path's model in place of its own, for clients that name it there alone. */
export function withModel(
  read: { text: string; value: unknown },
  model: string | undefined,
): { text: string; value: unknown } {
  const { value } = read;
  if (model === undefined || typeof value !== 'object' || value === null || Array.isArray(value)) return read;
  if ('model' in value && value.model === model) return read;
  const named = { ...value, model };
  return { text: JSON.stringify(named), value: named };
}
