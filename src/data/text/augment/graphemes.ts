/** What a reader takes for characters: an emoji with its modifiers is one. */

const segmenter = new Intl.Segmenter("und", { granularity: "grapheme" });

/** Unicode's extended grapheme clusters, as the JavaScript engine has them. */
export const graphemes = (text: string): string[] =>
  Array.from(segmenter.segment(text), ({ segment }) => segment);
