/** Model cards: every section, and what is said of those that are missing. */
import { tensor } from "nabla";
import { calibrationCurve, type ModelCard, metricsByGroup, modelCard } from "nabla/trust";
import { expect, test } from "vitest";

test("a card of all sections", async () => {
  const groups = await metricsByGroup(tensor([1, -1, 2, 1]), tensor([1, 0, 0, 1], { dtype: "i32" }), {
    metrics: ["accuracy"],
    groups: ["a", "a", "b", "b"],
  });
  const card: ModelCard = {
    name: "digits | small",
    description: "Reads *digits*.",
    intendedUse: "Postcodes.",
    limitations: "One script.",
    data: "MNIST.",
    inputs: ["pixel_1 (number)", "<b>"],
    target: "digit",
    classes: ["0", "1"],
    training: { seed: 0, optimizer: "adam", "learning rate": 0.00123456 },
    scores: { train: { loss: 0.25, accuracy: 1 }, test: { accuracy: null } },
    groups,
    robustness: {
      rows: 500,
      clean: 0.98,
      attacks: [{ epsilon: 0.1, accuracy: 0.4036 }],
      noise: [{ deviation: 0.3, accuracy: 0.9435 }],
    },
    calibration: {
      curve: calibrationCurve([0.1, 0.3, 0.9], [0, 1, 1], { bins: 2 }),
      brier: 0.17,
      temperature: {
        temperature: 1.5,
        before: { logLoss: 0.3, calibrationError: 0.05 },
        after: { logLoss: 0.25, calibrationError: 0.01 },
      },
    },
    importance: {
      metric: "accuracy",
      baseline: 0.98,
      features: [
        { name: "left", mean: 0.01, deviation: 0.001, values: [] },
        { name: "right", mean: 0.2, deviation: 0.01, values: [] },
      ],
    },
  };
  expect(modelCard(card)).toMatchInlineSnapshot(`
    "# digits \\| small

    Reads *digits*.

    ## Intended use

    Postcodes.

    ## Limitations

    One script.

    ## Data

    MNIST.

    Inputs (2): pixel\\_1 (number), \\<b\\>.

    Predicts: digit, one of 0, 1.

    ## Training

    |  |  |
    | --- | ---: |
    | seed | 0 |
    | optimizer | adam |
    | learning rate | 0.001235 |

    ## Scores

    |  | loss | accuracy |
    | --- | ---: | ---: |
    | train | 0.25 | 1 |
    | test | - | - |

    ## By group

    | group | rows | accuracy | selected | true positives | false positives |
    | --- | ---: | ---: | ---: | ---: | ---: |
    | a | 2 | 1 | 0.5 | 1 | 0 |
    | b | 2 | 0.5 | 1 | 1 | 1 |
    | all | 4 | 0.75 |  |  |  |

    Largest gaps: accuracy 0.5 (b to a).

    Differences of rates: selection 0.5, true positives 0, false positives 1, equalised odds 1.

    ## Robustness

    | 500 rows | accuracy |
    | --- | ---: |
    | as they are | 0.98 |
    | attacked, epsilon 0.1 | 0.4036 |
    | noise, deviation 0.3 | 0.9435 |

    ## Calibration

    | probability | rows | predicted | came true |
    | --- | ---: | ---: | ---: |
    | 0 to 0.5 | 2 | 0.2 | 0.5 |
    | 0.5 to 1 | 1 | 0.9 | 1 |

    Expected calibration error 0.2333, largest 0.3.

    Brier score 0.17.

    At temperature 1.5 the log loss is 0.25 in place of 0.3, the calibration error 0.01 in place of 0.05.

    ## Importance of features

    | feature | accuracy worse by |
    | --- | ---: |
    | right | 0.2 ± 0.01 |
    | left | 0.01 ± 0.001 |

    By permutation; accuracy of the data as they are: 0.98.
    "
  `);
});

test("what is missing is named, not made up", () => {
  const card = modelCard({ name: "bare", scores: {}, training: {}, intendedUse: "  " });
  expect(card).toBe(
    "# bare\n\n## Not stated\n\nNothing was said or measured of: intended use, limitations, data, training, scores, by group, robustness, calibration, importance of features.\n",
  );
});

test("errors", () => {
  expect(() => modelCard({ name: "x", intendeduse: "" } as ModelCard)).toThrow('Did you mean "intendedUse"?');
  expect(() => modelCard({ name: " " })).toThrow("the model must have a name; got none.");
});
