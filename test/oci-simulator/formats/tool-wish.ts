/** Whether a user text asks for a tool. */
export function wantsTools(text: string): boolean {
  return /tool|weather/i.test(text);
}

/** Whether it asks for two calls at once. */
export function wantsParallel(text: string): boolean {
  return /parallel/i.test(text);
}

/** Whether it asks for words beside the calls. */
export function wantsPlan(text: string): boolean {
  return /aloud/i.test(text);
}

/** What a model says of a call that it is going to make. */
export function planFor(tool: string): string {
  return `I will look it up with ${tool}.`;
}
