/** Loops against the reference device, on every instruction set. */
import { describe, it } from "vitest";
import { agree } from "./agree.ts";
import { BodyMaker, f32, numbers, PlanMaker, segment, whole } from "./plans.ts";

describe("loops", () => {
  it("carry a value and read and write slices, nested and reversed", async () => {
    const [outer, inner, n] = [4, 3, 20];
    const maker = new PlanMaker();
    const carry = maker.input(f32(n), true);
    const xs = maker.input(f32(outer, inner, n));
    const ys = maker.output(f32(outer, n));
    const x0 = maker.slice(xs, f32(inner, n), 0);
    const x1 = maker.slice(x0, f32(n), 1);
    const y0 = maker.slice(ys, f32(n), 0);
    const add = new BodyMaker();
    add.store(add.scalar("add", add.scalar("mul", add.load(), add.literal(0.5)), add.load()));
    const copy = new BodyMaker();
    copy.store(copy.load());
    const at = (buffer: number) => whole(buffer, [n]);
    maker.step({
      kind: "loop",
      length: outer,
      reverse: true,
      steps: [
        {
          kind: "loop",
          length: inner,
          reverse: false,
          steps: [
            {
              kind: "fused",
              body: add.body(),
              segments: [segment([n], 0, [at(carry), at(x1)], [at(carry)])],
            },
          ],
        },
        { kind: "fused", body: copy.body(), segments: [segment([n], 0, [at(carry)], [at(y0)])] },
      ],
    });
    maker.giveBack(carry);
    await agree(maker.plan(), [numbers(n), numbers(outer * inner * n, 2)], 1e-6);
  });

  it("with large bodies run on all threads", async () => {
    const n = 200_000;
    const maker = new PlanMaker();
    const carry = maker.input(f32(n), true);
    const xs = maker.input(f32(3, n));
    const x = maker.slice(xs, f32(n), 0);
    const body = new BodyMaker();
    body.store(body.scalar("tanh", body.scalar("add", body.load(), body.load())));
    maker.step({
      kind: "loop",
      length: 3,
      reverse: false,
      steps: [
        {
          kind: "fused",
          body: body.body(),
          segments: [segment([n], 0, [whole(carry, [n]), whole(x, [n])], [whole(carry, [n])])],
        },
      ],
    });
    maker.giveBack(carry);
    await agree(maker.plan(), [numbers(n), numbers(3 * n, 2)], 1e-6);
  });
});
