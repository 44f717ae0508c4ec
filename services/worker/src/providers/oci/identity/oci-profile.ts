/** A profile of OCI's own configuration file: `[NAME]` and lines of `key = value`. What it lacks, DEFAULT gives. */
export type OciProfile = ReadonlyMap<string, string>;

const linesMax = 10_000;

/** @returns null when the file has no such profile */
export function readOciProfile(text: string, name: string): OciProfile | null {
  const profiles = new Map<string, Map<string, string>>();
  let profile: Map<string, string> | null = null;
  for (const line of text.split(/\r?\n/, linesMax)) {
    const heading = /^\s*\[([^\]]*)\]\s*$/.exec(line)?.[1]?.trim();
    if (heading !== undefined) {
      profile = profiles.get(heading) ?? new Map<string, string>();
      profiles.set(heading, profile);
      continue;
    }
    const [, key, value] = /^\s*([^#;=\s][^=]*?)\s*=(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) profile?.set(key, value.trim());
  }
  const own = profiles.get(name);
  return own ? new Map([...(profiles.get('DEFAULT') ?? []), ...own]) : null;
}
