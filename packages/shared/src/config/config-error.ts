/** The configuration cannot be used. Holds everything that is wrong with it, and no secret. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const shown = problems.slice(0, problemsShown);
    const rest = problems.length - shown.length;
    const lines = rest > 0 ? [...shown, `… and ${rest} more`] : shown;
    const title = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    super(`The configuration has ${title}:\n${lines.map((line) => `- ${line}`).join('\n')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** A message that nobody can read to its end helps nobody. */
const problemsShown = 100;
