import { nextHash, splitTokens } from './tokens.ts';

/** The first `count` tokens of a text that only `seed` decides, as its token pieces; it ends in a full stop. */
export function proseOf(seed: number, count: number): string[] {
  const pieces: string[] = [];
  let hash = nextHash(seed);
  while (pieces.length < count) {
    const sentence = sentences[hash % sentences.length] ?? [];
    for (let at = 0; at < sentence.length && pieces.length < count; at += 1) pieces.push(sentence[at] ?? '');
    hash = nextHash(hash);
  }
  if (pieces[0] !== undefined) pieces[0] = pieces[0].trimStart();
  if (count > 1) pieces[count - 1] = '.';
  return pieces;
}

/** Readable, and with UTF-8 sequences of two, three and four bytes. */
const sentences: readonly (readonly string[])[] = [
  'The river carries more water in spring than the summer needs.',
  'A sluice lets through what the field can take, and holds back the rest.',
  'In the café by the quay they count boats, not hours.',
  'Every gate has a keeper, and every keeper has a book.',
  'The old map calls this place 水門, which means a water gate.',
  'Nobody hurries here 🌊 because the tide decides.',
  'First the upper gate closes, then the lower one opens.',
  'The crew wrote naïve plans and the weather corrected them.',
  'Rain in the hills arrives in the valley two days later.',
  'Seen from 東京 the bay is a thin line of light.',
  'The ledger shows each litre once, and no litre twice.',
  'When the queue grows, the patient traveller reads a book.',
  'Über the bridge 🚲 goes the road to the mill.',
  'A measured flow is worth more than a strong one.',
  'The miller paid for the water he used, and only for that.',
  'Señor Álvarez kept the keys to all nine locks.',
].map((sentence) => splitTokens(` ${sentence}`));
