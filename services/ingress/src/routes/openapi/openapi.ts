import type { RequestHandler } from 'express';
import { openApiDocument } from './document.ts';
import { sections } from './sections.ts';

/** GET /openapi.json, made when it is first asked for. */
export function openApi({ version }: { readonly version: string }): RequestHandler {
  let text: string | undefined;
  return (_req, res) => {
    text ??= JSON.stringify(openApiDocument(sections, { version }));
    res.type('json').send(text);
  };
}
