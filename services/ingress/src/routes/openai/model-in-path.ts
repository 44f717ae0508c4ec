import type { Request } from 'express';

/** The model that a path such as `/engines/{model}/embeddings` names; it may contain slashes. */
export function modelInPath({ params }: Pick<Request, 'params'>): string | undefined {
  const model: unknown = params['model'];
  return Array.isArray(model) ? model.join('/') : typeof model === 'string' ? model : undefined;
}
