import { hashText } from '../tokens.ts';

/** A number that only the token decides, from −1.024 to −0.001. */
export function logProbOf(token: string): number {
  return -((hashText(token) % 1024) + 1) / 1000;
}

/** GENERIC's parallel lists (§3.4): `top` of the likeliest tokens for each place, the one that was written among them. */
export function genericLogProbs(pieces: readonly string[], top: number, offset: number): object {
  let at = offset;
  const textOffset = pieces.map((piece) => {
    const start = at;
    at += piece.length;
    return start;
  });
  return {
    textOffset,
    tokenLogprobs: pieces.map(logProbOf),
    tokens: pieces,
    topLogprobs: pieces.map((piece) =>
      Object.fromEntries(
        Array.from({ length: top }, (_, nth) => (nth === 0 ? [piece, logProbOf(piece)] : [`other${nth}`, -2 - nth])),
      ),
    ),
  };
}
