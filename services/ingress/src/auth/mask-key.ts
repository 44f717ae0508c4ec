/** How a key is shown in answers, logs and the books: `sk-...` and its last four characters. */
export function maskKey(key: string): string {
  return `sk-...${lastFour(key)}`;
}

/** Text that is no key of ours and may be somebody's secret: only the ends of a long one. */
export function maskText(text: string): string {
  return text.length < 16 ? '****' : `${text.slice(0, 4)}****${lastFour(text)}`;
}

export function lastFour(key: string): string {
  return key.slice(-4);
}
