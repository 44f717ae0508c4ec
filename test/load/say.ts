/** How far it is, on standard error: standard output has the report. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
