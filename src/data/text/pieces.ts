/** The pieces that merges do not go beyond: English contractions, then runs of letters, digits, other signs and spaces. */

const letter = "\\p{L}";
const digit = "\\p{N}";
const space = "\\p{White_Space}"; // JavaScript's \s has U+FEFF besides and lacks U+0085

/** GPT-2's rule: one space goes with what follows it; of several spaces before a word all but the last are a piece. */
const pattern = new RegExp(
  [
    "'(?:s|t|re|ve|m|ll|d)",
    ` ?${letter}+`,
    ` ?${digit}+`,
    ` ?[^${space}${letter}${digit}]+`,
    `${space}+(?=${space}|$)`,
    `${space}+`,
  ].join("|"),
  "gu",
);

/**
 * Every character is in exactly one piece.
 * @see Radford et al.: Language models are unsupervised multitask learners, 2019
 */
export const pieces = (text: string): readonly string[] => text.match(pattern) ?? [];
