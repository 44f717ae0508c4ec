import assert from 'node:assert/strict';
import type { Express } from 'express';
import { z } from 'zod';

const Route = z.object({ path: z.string(), methods: z.record(z.string(), z.boolean()) });

export interface Registered {
  readonly path: string;
  /** Lower case. */
  readonly methods: readonly string[];
}

/** The routes as Express has them. A layer without a route would be a way past tests of all routes. */
export function registeredRoutes(app: Express): readonly Registered[] {
  const layers = app.router.stack;
  const others = layers.filter(({ route }) => route === undefined);
  assert.equal(others.length, 3, 'besides routes there are: allowed addresses, unknown routes, and errors');
  return layers.flatMap(({ route }) => {
    if (route === undefined) return [];
    const { path, methods } = Route.parse(route);
    return [{ path, methods: Object.keys(methods).filter((method) => method !== '_all') }];
  });
}
