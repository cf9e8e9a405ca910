/** generate: text from a language model, token by token, in one native call. */
import { jit, random, scatterSet, type Tensor, tensor, topk, where } from "../../engine/tensor/index.ts";
import { ConfigError, DataError } from "../../util/index.ts";
import { apply } from "../apply.ts";
import type { KeyValueCache } from "../attention/index.ts";
import { namedParameters, type Tensors } from "../module.ts";
import type { Gpt } from "./gpt.ts";

export interface GenerateOptions {
  /** Tokens to add. With the prompt they must fit in the model's context. */
  readonly count: number;
  /** Logits are divided by it: below 1 the likely is likelier; 0 always takes the likeliest. Default 1. */
  readonly temperature?: number;
  /** Draws from this many of the likeliest alone. Default: from all. */
  readonly topK?: number;
  /** Default 0. */
  readonly seed?: number;
}

interface State {
  readonly caches: readonly KeyValueCache[];
  /** The token drawn last: i32 [1, 1]. */
  readonly token: Tensor;
  readonly drawn: Tensor;
  /** Tokens drawn so far: i32 []. */
  readonly step: Tensor;
}

/**
 * The tokens that follow `prompt`, each drawn from softmax(logits / temperature). Keys and values of what was read are kept, so each token
 * costs one position.
 * @throws DataError for a prompt that is empty or has tokens outside the vocabulary; ConfigError for an impossible count, temperature or topK.
 * @example const tokens = await generate(model, encode("To be"), { count: 100, temperature: 0.8, seed: 1 });
 */
export async function generate(
  model: Gpt,
  prompt: readonly number[],
  options: GenerateOptions,
): Promise<number[]> {
  const { count, temperature = 1, topK, seed = 0 } = options;
  check(model, prompt, options);
  const values: Tensors = Object.fromEntries(
    [...namedParameters(model)].map(([path, { value }]) => [path, value]),
  );
  const draw = (logits: Tensor, key: Tensor, step: Tensor): Tensor => {
    const last = logits.index(0, -1);
    if (temperature === 0) return last.argmax(-1);
    const kept =
      topK === undefined
        ? last
        : where(last.ge(topk(last, topK).values.min()), last, Number.NEGATIVE_INFINITY);
    return random.categorical(random.foldIn(key, step), kept.div(temperature));
  };
  const advance = (tokens: Tensor, state: Omit<State, "token">, params: Tensors, key: Tensor): State =>
    apply(model, params, () => {
      const { logits, caches } = model.extend(tokens, state.caches);
      const token = draw(logits, key, state.step).reshape([1]);
      const drawn = scatterSet(state.drawn, state.step.reshape([1]), token);
      return { caches, token: token.reshape([1, 1]), drawn, step: state.step.add(1) };
    });
  const key = random.key(seed);
  const { device } = model.tokens.weight.value;
  const ints = (data: readonly number[], shape: readonly number[]) =>
    tensor([...data], { dtype: "i32", shape, device });
  const empty = {
    caches: model.caches(1),
    drawn: ints(new Array<number>(count).fill(0), [count]),
    step: ints([0], []),
  };
  const first = jit(
    (state: typeof empty, tokens: Tensor, params: Tensors, from: Tensor) =>
      [advance(tokens, state, params, from)] as [State],
    { name: "generate" },
  );
  const next = jit(
    (state: State, params: Tensors, from: Tensor): [State] => [advance(state.token, state, params, from)],
    {
      donate: [0],
      name: "generate",
    },
  );
  let [state] = first(empty, ints(prompt, [1, prompt.length]), values, key);
  if (count > 1) [state] = await next.repeat(count - 1, state, values, key);
  return [...(await state.drawn.data())];
}

function check(
  model: Gpt,
  prompt: readonly number[],
  { count, temperature = 1, topK }: GenerateOptions,
): void {
  const { vocabulary } = model.tokens;
  if (prompt.length === 0) throw new DataError("generate: the prompt must have a token; got none.");
  prompt.forEach((token, i) => {
    if (!Number.isInteger(token) || token < 0 || token >= vocabulary) {
      throw new DataError(`generate: tokens must be in [0, ${vocabulary}); got ${token} at [${i}].`);
    }
  });
  const room = model.context - prompt.length;
  if (!Number.isInteger(count) || count < 1 || count > room + 1) {
    throw new ConfigError(
      `generate: count must be a positive integer that fits in the context of ${model.context} with the prompt of ${prompt.length}; got ${count}.`,
    );
  }
  if (!(temperature >= 0 && Number.isFinite(temperature))) {
    throw new ConfigError(`generate: temperature must be at least 0; got ${temperature}.`);
  }
  if (topK !== undefined && !(Number.isInteger(topK) && topK >= 1 && topK <= vocabulary)) {
    throw new ConfigError(`generate: topK must be in [1, ${vocabulary}]; got ${topK}.`);
  }
}
