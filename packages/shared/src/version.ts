import manifest from '../package.json' with { type: 'json' };

/** Sluice's version, for `x-litellm-version` and the start-up line. */
export const version: string = manifest.version;
