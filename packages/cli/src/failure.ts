/** What the command ends with. */
export const exitCodes = { completed: 0, notCompleted: 1, wrongUsage: 2, interrupted: 130 } as const;

/** Ends the command with a sentence for its user. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = exitCodes.notCompleted) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** For a command that was called wrongly: the usage is shown too. */
export function wrongUsage(message: string): Failure {
  return new Failure(message, exitCodes.wrongUsage);
}
